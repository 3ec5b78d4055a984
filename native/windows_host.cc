// The functions of the program that loads this addon, found when it is loaded.
//
// An import library would tie the addon to a host called node.exe; this way
// Electron and renamed copies can load it too. (node-gyp's hook for delayed
// loading needs a linker that can delay it.) The headers declare these
// functions as imported, so that every call goes through a pointer named
// __imp_<function>: normally the loader's, here ours.

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

// A function that is missing here fails the link.
#define HOST_FUNCTIONS(X)              \
  X(napi_call_function)                \
  X(napi_check_object_type_tag)        \
  X(napi_close_handle_scope)           \
  X(napi_create_error)                 \
  X(napi_create_function)              \
  X(napi_create_int32)                 \
  X(napi_create_object)                \
  X(napi_create_reference)             \
  X(napi_create_string_latin1)         \
  X(napi_create_string_utf8)           \
  X(napi_create_type_error)            \
  X(napi_define_properties)            \
  X(napi_delete_reference)             \
  X(napi_fatal_error)                  \
  X(napi_get_and_clear_last_exception) \
  X(napi_get_arraybuffer_info)         \
  X(napi_get_boolean)                  \
  X(napi_get_cb_info)                  \
  X(napi_get_last_error_info)          \
  X(napi_get_named_property)           \
  X(napi_get_property)                 \
  X(napi_get_prototype)                \
  X(napi_get_reference_value)          \
  X(napi_get_typedarray_info)          \
  X(napi_get_uv_event_loop)            \
  X(napi_get_value_bool)               \
  X(napi_get_value_double)             \
  X(napi_has_property)                 \
  X(napi_is_exception_pending)         \
  X(napi_open_handle_scope)            \
  X(napi_set_named_property)           \
  X(napi_throw)                        \
  X(napi_type_tag_object)              \
  X(napi_typeof)                       \
  X(napi_unwrap)                       \
  X(napi_wrap)                         \
  X(uv_fileno)                         \
  X(uv_handle_get_type)                \
  X(uv_has_ref)                        \
  X(uv_walk)

#define DEFINE(name) extern "C" FARPROC __imp_##name = nullptr;
HOST_FUNCTIONS(DEFINE)

namespace {

struct HostFunction {
  FARPROC* pointer;
  const char* name;
};

constexpr HostFunction kHostFunctions[] = {
#define ROW(name) {&__imp_##name, #name},
    HOST_FUNCTIONS(ROW)};

// Where Node is a library of the host's, its functions are there.
constexpr const wchar_t* kModules[] = {nullptr, L"libnode.dll", L"node.dll"};

FARPROC Find(const char* name) {
  for (const wchar_t* const module : kModules) {
    const HMODULE host = GetModuleHandleW(module);
    if (host == nullptr) continue;
    if (const FARPROC found = GetProcAddress(host, name)) return found;
  }
  return nullptr;
}

}  // namespace

// Reports failure to LoadLibrary, and so to require(), when the host is no Node
// or one too old.
extern "C" BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID) {
  if (reason != DLL_PROCESS_ATTACH) return TRUE;
  for (const auto& [pointer, name] : kHostFunctions) {
    *pointer = Find(name);
    if (*pointer == nullptr) return FALSE;
  }
  return TRUE;
}
