# The same libraries as CMakeLists.txt, of the same units, for machines without CMake: the addon and the CPU backends.
{
  "variables": {
    "common_flags": [
      "-std=c++20", "-O3", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
      "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-fstack-protector-strong", "-fexceptions",
      "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-Wall", "-Wextra", "-ffile-prefix-map=<(module_root_dir)/="
    ],
    "cpu_units": [
      "native/units/cpu_fused.cc", "native/units/cpu_kernels.cc", "native/units/cpu_products.cc", "native/units/cpu_reduce.cc"
    ],
    # Of all CPU code; see CMakeLists.txt.
    "cpu_flags": ["-falign-loops=64"],
    # Without MMX: GCC 12 may move 8 bytes through one of its registers, after which x87 (long double) computes NaN.
    "conditions": [
      ["target_arch=='x64'", { "lowest_flags": ["-march=x86-64-v2", "-mno-mmx"] }, { "lowest_flags": ["-march=armv8-a"] }]
    ]
  },
  "target_defaults": {
    "include_dirs": [
      "native", "node_modules/node-api-headers/include", "../node-api-headers/include",
      "node_modules/node-addon-api", "../node-addon-api"
    ],
    "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++20"],
    "cflags_cc": ["<@(common_flags)"],
    "xcode_settings": { "OTHER_CPLUSPLUSFLAGS": ["<@(common_flags)"], "GCC_ENABLE_CPP_EXCEPTIONS": "YES" },
    "conditions": [
      ["OS=='linux'", {
        "ldflags": ["-static-libstdc++", "-static-libgcc", "-Wl,-z,nodelete,-z,relro,-z,now,-z,noexecstack",
          "-Wl,--exclude-libs,ALL,--gc-sections,--strip-all"]
      }]
    ]
  },
  "targets": [
    {
      "target_name": "grafo",
      "sources": ["native/units/engine.cc", "native/units/addon.cc"],
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags_cc": ["-D_GLIBCXX_ASSERTIONS"],
      "libraries": ["-ldl"]
    },
    {
      "target_name": "grafo_cpu_common", "type": "static_library",
      "sources": ["native/units/cpu_common.cc"],
      "cflags_cc": ["<@(lowest_flags)", "<@(cpu_flags)"]
    }
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "grafo_cpu_v2", "type": "shared_library", "product_prefix": "", "product_extension": "so",
          "product_dir": "<(PRODUCT_DIR)", "dependencies": ["grafo_cpu_common"],
          "sources": ["<@(cpu_units)"],
          "cflags_cc": ["-march=x86-64-v2", "-mno-mmx", "<@(cpu_flags)"]
        },
        {
          "target_name": "grafo_cpu_v3", "type": "shared_library", "product_prefix": "", "product_extension": "so",
          "product_dir": "<(PRODUCT_DIR)", "dependencies": ["grafo_cpu_common"],
          "sources": ["<@(cpu_units)"],
          "cflags_cc": ["-march=x86-64-v3", "-mno-mmx", "<@(cpu_flags)"]
        },
        {
          "target_name": "grafo_cpu_v4", "type": "shared_library", "product_prefix": "", "product_extension": "so",
          "product_dir": "<(PRODUCT_DIR)", "dependencies": ["grafo_cpu_common"],
          "sources": ["<@(cpu_units)"],
          "cflags_cc": ["-march=x86-64-v4", "-mno-mmx", "-mprefer-vector-width=512", "<@(cpu_flags)"]
        }
      ]
    }, {
      "targets": [
        {
          "target_name": "grafo_cpu_arm64", "type": "shared_library", "product_prefix": "", "product_extension": "so",
          "product_dir": "<(PRODUCT_DIR)", "dependencies": ["grafo_cpu_common"],
          "sources": ["<@(cpu_units)"],
          "cflags_cc": ["-march=armv8-a", "<@(cpu_flags)"]
        }
      ]
    }]
  ]
}
