// The border to JavaScript: decodes arguments, saying what was expected and what came, and turns a
// SystemError into an Error with `code`, `errno` and `syscall`, as Node's own system errors have.
#pragma once
#include <cmath>
#include <cstdint>
#include <napi.h>
#include <string>

#include "system-error.h"

inline std::string describe(const Napi::Value& value) {
  return value.IsUndefined() ? "undefined" : value.ToString().Utf8Value();
}

/** A value as an integer from `low` to `high`; throws TypeError otherwise. */
inline int64_t toInteger(Napi::Env env, const Napi::Value& value, const char* name, int64_t low, int64_t high) {
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number >= static_cast<double>(low) && number <= static_cast<double>(high) && number == std::floor(number)) {
      return static_cast<int64_t>(number);
    }
  }
  throw Napi::TypeError::New(env, std::string(name) + ": expected an integer from " + std::to_string(low) + " to " +
                                      std::to_string(high) + ", got " + describe(value));
}

/** Argument `index` as an integer from `low` to `high`. */
inline int64_t integerArg(const Napi::CallbackInfo& info, size_t index, const char* name, int64_t low, int64_t high) {
  return toInteger(info.Env(), info[index], name, low, high);
}

/** Argument `index` as a file descriptor. */
inline int fdArg(const Napi::CallbackInfo& info, size_t index) {
  return static_cast<int>(integerArg(info, index, "fd", 0, INT32_MAX));
}

/** Bytes of a typed array, wherever its buffer lives (shared memory too). */
struct Bytes {
  uint8_t* data;
  size_t length;
};

/** Argument `index` as the bytes of a Uint8Array; a SharedArrayBuffer's own info call fails on Node 20. */
inline Bytes bytesArg(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Value value = info[index];
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(info.Env(), value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    throw Napi::TypeError::New(info.Env(), std::string(name) + ": expected a Uint8Array, got " + describe(value));
  }
  return {static_cast<uint8_t*>(data), length};
}

/** The part of `bytes` from `offset`, `length` long; throws RangeError when it is not inside. */
inline Bytes sliceArg(const Napi::CallbackInfo& info, const Bytes& bytes, size_t offsetIndex, size_t lengthIndex) {
  const auto offset = static_cast<size_t>(integerArg(info, offsetIndex, "offset", 0, INT64_C(1) << 40));
  const auto length = static_cast<size_t>(integerArg(info, lengthIndex, "length", 0, INT64_C(1) << 40));
  if (offset > bytes.length || length > bytes.length - offset) {
    throw Napi::RangeError::New(info.Env(), "offset " + std::to_string(offset) + " + length " + std::to_string(length) +
                                                ": expected to end within " + std::to_string(bytes.length) + " bytes");
  }
  return {bytes.data + offset, length};
}

inline Napi::Error toJavaScript(Napi::Env env, const SystemError& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message());
  error.Set("code", Napi::String::New(env, failure.code()));
  error.Set("errno", Napi::Number::New(env, -failure.error));
  error.Set("syscall", Napi::String::New(env, failure.syscall));
  return error;
}

using Callback = Napi::Value (*)(const Napi::CallbackInfo&);

template <Callback function>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const SystemError& failure) {
    throw toJavaScript(info.Env(), failure);
  }
}

/** Exports `function` under `name`. */
template <Callback function>
void expose(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<function>>(env, name));
}
