// What each source file adds to the addon's exports.
#pragma once
#include <napi.h>

void registerThread(Napi::Env env, Napi::Object exports);
void registerMemory(Napi::Env env, Napi::Object exports);
void registerEvent(Napi::Env env, Napi::Object exports);
void registerLink(Napi::Env env, Napi::Object exports);
void registerBpf(Napi::Env env, Napi::Object exports);
void registerXsk(Napi::Env env, Napi::Object exports);
void registerPacket(Napi::Env env, Napi::Object exports);
void registerPump(Napi::Env env, Napi::Object exports);
void registerXdpFeatures(Napi::Env env, Napi::Object exports);
