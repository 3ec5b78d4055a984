{
  "targets": [
    {
      "target_name": "tcpinfo-socket",
      "sources": ["addon.cc", "endpoints.cc"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-Os", "-fvisibility=hidden"],
      "cflags_cc": ["-std=c++17", "-fno-exceptions", "-fno-rtti"],
      "ldflags": ["-Wl,--gc-sections", "-s"],
      "xcode_settings": {
        "GCC_ENABLE_CPP_EXCEPTIONS": "NO",
        "GCC_ENABLE_CPP_RTTI": "NO",
        "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
        "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
        "MACOSX_DEPLOYMENT_TARGET": "11.0",
        "OTHER_CFLAGS": ["-Wall", "-Wextra", "-Werror"]
      },
      "conditions": [
        ["OS=='linux'", { "sources": ["linux.cc", "posix.cc"] }],
        ["OS=='mac'", { "sources": ["darwin.cc", "posix.cc"] }],
        ["OS=='win'", { "sources": ["windows.cc", "windows_host.cc", "windows_socket.cc"] }],
        ["OS!='linux' and OS!='mac' and OS!='win'", { "sources": ["unsupported.cc"] }]
      ]
    }
  ]
}
