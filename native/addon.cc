// The addon's entry: registers functions and nothing else. It keeps no state outside the environment that
// loaded it, so any number of worker threads can load it.
#include <napi.h>

#include "layout.generated.h"
#include "registers.h"

static Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("layoutSeq", Napi::Number::New(env, layout::LAYOUT_SEQ));
  registerThread(env, exports);
  registerMemory(env, exports);
  registerEvent(env, exports);
  registerLink(env, exports);
  registerBpf(env, exports);
  registerXsk(env, exports);
  registerPacket(env, exports);
  registerPump(env, exports);
  registerXdpFeatures(env, exports);
  return exports;
}

NODE_API_MODULE(megaflow, initialize)
