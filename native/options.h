// An options object from JavaScript, read with the same messages as plain arguments.
#pragma once
#include <string>

#include "napi-args.h"

class Options {
 public:
  explicit Options(const Napi::CallbackInfo& info, size_t index) : env_(info.Env()) {
    if (!info[index].IsObject()) throw Napi::TypeError::New(env_, "options: expected an object, got " + describe(info[index]));
    object_ = info[index].As<Napi::Object>();
  }

  int64_t integer(const char* name, int64_t low, int64_t high) const {
    return toInteger(env_, object_.Get(name), name, low, high);
  }
  int64_t integerOr(const char* name, int64_t low, int64_t high, int64_t otherwise) const {
    return has(name) ? integer(name, low, high) : otherwise;
  }
  bool flag(const char* name) const { return has(name) && object_.Get(name).ToBoolean().Value(); }
  /** "" when it is left out. */
  std::string text(const char* name) const { return has(name) ? object_.Get(name).ToString().Utf8Value() : ""; }
  std::string netns() const { return text("netns"); }
  bool has(const char* name) const { return !object_.Get(name).IsUndefined(); }

 private:
  Napi::Env env_;
  Napi::Object object_;
};
