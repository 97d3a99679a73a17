{
  "variables": { "strict%": 0 },
  "targets": [
    {
      "target_name": "megaflow",
      "sources": ["addon.cc", "bpf.cc", "event.cc", "link.cc", "memory.cc", "packet.cc", "pump.cc", "thread.cc", "xdp-features.cc", "xsk.cc"],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED", "_GNU_SOURCE"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++20"],
      "cflags": ["-Wall", "-Wextra", "-Wno-unused-parameter", "-fvisibility=hidden"],
      "cflags_cc": ["-std=c++20"],
      "ldflags": ["-pthread", "-static-libstdc++", "-static-libgcc", "-Wl,-s"],
      "conditions": [["strict==1", { "cflags": ["-Werror"] }]]
    }
  ]
}
