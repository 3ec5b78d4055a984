"""Checks the binaries of a folder like prebuilds/, without running any of them.

    python scripts/check-prebuilds.py prebuilds

Prints for each file a line that says what it is, and for each thing that is wrong
`FAIL <file>: <what>: expected <…>, found <…>`; the exit code is then 1. Needs LIEF.
"""

import hashlib
import re
import struct
import sys
from pathlib import Path

import lief

SUMS = "SHA256SUMS"

# The format and the machine of each file.
FILES = {
    "win32-x64/tcpinfo-socket.node": ("PE", "AMD64"),
    "win32-arm64/tcpinfo-socket.node": ("PE", "ARM64"),
    "linux-x64/tcpinfo-socket.glibc.node": ("ELF", "X86_64"),
    "linux-x64/tcpinfo-socket.musl.node": ("ELF", "X86_64"),
    "linux-arm64/tcpinfo-socket.glibc.node": ("ELF", "AARCH64"),
    "linux-arm64/tcpinfo-socket.musl.node": ("ELF", "AARCH64"),
    "darwin-x64/tcpinfo-socket.node": ("MACHO", "X86_64"),
    "darwin-arm64/tcpinfo-socket.node": ("MACHO", "ARM64"),
}

# What Node asks an addon for: https://nodejs.org/api/n-api.html#module-registration
EXPORTS = {"napi_register_module_v1", "node_api_module_get_api_version_v1"}
# zig's linker exports the last two from every dylib, and takes no list of exports:
# https://github.com/ziglang/zig/issues/24662
DARWIN_EXPORTS = {f"_{name}" for name in EXPORTS}
DARWIN_EXPORTS |= {"___dso_handle", "__mh_dylib_header"}

# NAPI_VERSION in native/binding.gyp.
NODE_API = 8
# Looked up on Windows too: what libuv offers is no part of Node-API.
LIBUV = {"uv_fileno", "uv_handle_get_type", "uv_has_ref", "uv_walk"}

LIBC = {"clock_gettime", "close", "free", "getpeername", "getsockname", "getsockopt"}
LIBC |= {"if_indextoname", "inet_ntop", "snprintf", "socket", "strlen"}
# A library, and which of its functions. To musl's loader libc.so is musl itself,
# whatever the name of its file: load_library() in musl's ldso/dynlink.c.
GLIBC = "libc.so.6", LIBC | {"__errno_location"}
MUSL = "libc.so", LIBC | {"__errno_location", "ntohs"}
DARWIN = "/usr/lib/libSystem.B.dylib", LIBC | {"__error"}
# Lazy binding, for macOS 11, goes through it; not a C name, so without underscore.
STUB_BINDER = "dyld_stub_binder"

# Both as scripts/zig-gyp.mjs asks for.
GLIBC_NEWEST = (2, 17)
MACOS_OLDEST = "11.0.0"

# Neither node.exe nor any of its functions is here: they are looked up by name.
# Of KERNEL32 our code asks for the first two; the others, and _fpreset, come with
# mingw-w64's C runtime.
DLLS = {
    "WS2_32.dll": {
        *("WSACleanup", "WSAGetLastError", "WSAIoctl", "WSAStartup", "bind"),
        *("closesocket", "connect", "getpeername", "getsockname", "htonl"),
        *("inet_ntop", "ioctlsocket", "listen", "ntohs", "select", "socket"),
    },
    "KERNEL32.dll": {
        *("GetModuleHandleW", "GetProcAddress", "GetLastError", "TlsGetValue"),
        *("InitializeCriticalSection", "DeleteCriticalSection"),
        *("EnterCriticalSection", "LeaveCriticalSection"),
    },
    "api-ms-win-crt-heap-l1-1-0.dll": {"free", "realloc"},
    "api-ms-win-crt-runtime-l1-1-0.dll": {"_fpreset"},
    "api-ms-win-crt-stdio-l1-1-0.dll": {"__stdio_common_vsprintf"},
}
# ASLR in all of 64 bits, and no code in data.
PE_FLAGS = {"DYNAMIC_BASE", "HIGH_ENTROPY_VA", "NX_COMPAT"}

# macOS runs code for Apple silicon only with a signature, for which nobody needs to
# vouch (ad hoc), and code for Intel without any: https://developer.apple.com/
# documentation/macos-release-notes/macos-big-sur-11_0_1-universal-apps-release-notes
MUST_BE_SIGNED = {"ARM64"}
# From xnu's osfmk/kern/cs_blobs.h.
CSSLOT_CODEDIRECTORY = 0
CS_HASHTYPE_SHA256 = 2
CS_ADHOC = 0x2

SIZE_LIMIT = 64_000
# Where builders have their files.
BUILDER = re.compile(rb"/home/|/work|/tmp|/root|/Users/|[a-z]:\\|\.zig", re.I)

failures = 0


def fail(file, what, expected, found):
    global failures
    failures += 1
    print(f"FAIL {file}: {what}: expected {shown(expected)}, found {shown(found)}")


def shown(value):
    if value is None:
        return "none"
    if isinstance(value, (set, list)):
        return " ".join(sorted(map(str, value))) or "none"
    return value


def equal(file, what, expected, found):
    if found != expected:
        fail(file, what, expected, found)


def only(file, what, allowed, found):
    if strange := set(found) - set(allowed):
        fail(file, what, "only those of the table", strange)


def node_api():
    """The functions of the version, by the list that comes with its headers."""
    headers = Path(__file__).parent.parent / "node_modules/node-api-headers"
    text = (headers / "symbols.js").read_text()
    older, newer, _ = text.partition(f"const v{NODE_API + 1} ")
    if not newer:
        raise ValueError("node-api-headers/symbols.js has another form")
    return set(re.findall(r"'(\w+)'", older))


def check_elf(file, machine, elf, data):
    header = elf.header
    equal(file, "machine", machine, header.machine_type.name)
    found = f"{header.identity_class.name} {header.identity_data.name}"
    equal(file, "class", "ELF64 LSB", found)
    equal(file, "type", "DYN", header.file_type.name)

    symbols = [each for each in elf.dynamic_symbols if each.name]
    undefined = {each.name for each in symbols if each.shndx == 0}
    equal(file, "exports", EXPORTS, {each.name for each in symbols} - undefined)
    libc, functions = MUSL if ".musl." in file else GLIBC
    equal(file, "libraries", [libc], list(elf.libraries))
    only(file, "functions", functions | node_api(), undefined)

    versions = {
        each.name
        for library in elf.symbols_version_requirement
        for each in library.get_auxiliary_symbols()
    }
    if ".musl." in file:
        equal(file, "symbol versions", set(), versions)
    for version in versions:
        number = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(\.\d+)?", version)
        if not number or tuple(map(int, number.group(1, 2))) > GLIBC_NEWEST:
            fail(file, "glibc", "at most {}.{}".format(*GLIBC_NEWEST), version)

    # The loader binds all at once, and then makes its tables read-only.
    flags = {each.type.name: int(each.flags) for each in elf.segments}
    equal(file, "GNU_RELRO", True, "GNU_RELRO" in flags)
    entry = elf.get(lief.ELF.DynamicEntry.TAG.FLAGS)
    bind_now = lief.ELF.DynamicEntryFlags.FLAG.BIND_NOW
    equal(file, "BIND_NOW", True, entry is not None and entry.has(bind_now))
    # Read and write. Without this header some systems make the stack executable.
    equal(file, "flags of the stack", 6, flags.get("GNU_STACK"))
    return [*elf.libraries, *sorted(versions)]


def check_pe(file, machine, pe, data):
    equal(file, "machine", machine, pe.header.machine.name)
    equal(file, "magic", "PE32_PLUS", pe.optional_header.magic.name)
    kinds = {each.name for each in pe.header.characteristics_list}
    equal(file, "type", {"DLL"}, kinds & {"DLL"})

    export = pe.get_export()
    exports = {each.name for each in export.entries} if export else set()
    equal(file, "exports", EXPORTS, exports)
    imports = [*pe.imports, *pe.delay_imports]
    only(file, "libraries", DLLS, (dll.name for dll in imports))
    for dll in imports:
        names = {each.name or f"#{each.ordinal}" for each in dll.entries}
        only(file, f"functions of {dll.name}", DLLS.get(dll.name, names), names)
    looked_up = re.findall(rb"\b(?:napi|node_api|uv)_\w+", data)
    names = {each.decode() for each in looked_up} - EXPORTS
    only(file, "functions of Node", node_api() | LIBUV, names)

    flags = {each.name for each in pe.optional_header.dll_characteristics_lists}
    equal(file, "protection", PE_FLAGS, flags & PE_FLAGS)
    # Without relocations there is no ASLR.
    equal(file, "relocations", True, pe.has_relocations)
    # REPRO says that the timestamps are a hash instead. Another kind could name a
    # file of the builder's. https://learn.microsoft.com/windows/win32/debug/pe-format
    equal(file, "debug entries", ["REPRO"], [each.type.name for each in pe.debug])
    stamps = {each.timestamp for each in pe.debug} | {export.timestamp if export else 0}
    equal(file, "timestamps", {0, pe.header.time_date_stamps}, stamps)
    return [dll.name for dll in imports]


def check_macho(file, machine, macho, data):
    equal(file, "machine", machine, macho.header.cpu_type.name)
    # Of 64 bits, and not in a file for several machines.
    equal(file, "magic", "cffaedfe", data[:4].hex())
    only(file, "type", {"BUNDLE", "DYLIB"}, {macho.header.file_type.name})

    # dlsym() searches this tree, and not the table of symbols.
    tree = macho.dyld_info or macho.dyld_exports_trie
    exports = {each.symbol.name for each in tree.exports} if tree else set()
    equal(file, "exports", DARWIN_EXPORTS, exports)
    system, functions = DARWIN
    commands = [each for each in macho.libraries if each.command.name != "ID_DYLIB"]
    equal(file, "libraries", [system], [each.name for each in commands])
    imports = {each.symbol.name for each in macho.bindings}
    imports |= {each.name for each in macho.imported_symbols}
    allowed = {f"_{name}" for name in functions | node_api()} | {STUB_BINDER}
    only(file, "functions", allowed, imports)

    build = macho.build_version
    equal(file, "platform", "MACOS", build and build.platform.name)
    oldest = build and ".".join(map(str, build.minos))
    equal(file, "oldest macOS", MACOS_OLDEST, oldest)
    facts = [system, f"macOS {oldest}"]
    if macho.has_code_signature:
        check_signature(file, macho.code_signature, data)
        return [*facts, "signed"]
    if machine in MUST_BE_SIGNED:
        fail(file, "signature", "ad hoc", "none")
    return [*facts, "not signed"]


def check_signature(file, command, data):
    """That it is ad hoc, and that its hashes are those of the file: macOS kills a
    process that uses a page with another."""
    blob = data[command.data_offset :][: command.data_size]
    _, _, parts = struct.unpack_from(">3I", blob)
    index = [struct.unpack_from(">2I", blob, 12 + 8 * i) for i in range(parts)]
    directory = blob[dict(index)[CSSLOT_CODEDIRECTORY] :]
    _, _, _, flags, start, _, _, count, end = struct.unpack_from(">9I", directory)
    size, kind, _, page = struct.unpack_from("4B", directory, 36)

    equal(file, "ad-hoc flag of the signature", CS_ADHOC, flags & CS_ADHOC)
    equal(file, "kind of hash", [CS_HASHTYPE_SHA256, 32], [kind, size])
    equal(file, "signed bytes", command.data_offset, end)
    pages = [data[at : min(at + (1 << page), end)] for at in range(0, end, 1 << page)]
    equal(file, "signed pages", len(pages), count)
    signed = [directory[start + 32 * i :][:32] for i in range(len(pages))]
    hashes = [hashlib.sha256(each).digest() for each in pages]
    wrong = {i for i, each in enumerate(hashes) if each != signed[i]}
    equal(file, "pages unlike their hash", set(), wrong)


CHECKS = {"ELF": check_elf, "PE": check_pe, "MACHO": check_macho}


def check_file(file, data):
    if len(data) >= SIZE_LIMIT:
        fail(file, "size", f"less than {SIZE_LIMIT}", len(data))
    # What a person could read, as ASCII or as UTF-16.
    text = b"\n".join(re.findall(rb"(?:[ -~]\0?){6,}", data)).replace(b"\0", b"")
    told = {each.decode() for each in BUILDER.findall(text)}
    equal(file, "folders of a builder", set(), told)

    kind, machine = FILES[file]
    binary = lief.parse(data)
    found = binary.format.name if binary else "unreadable"
    equal(file, "format", kind, found)
    if found == kind:
        facts = CHECKS[kind](file, machine, binary, data)
        print(f"{file}: {kind} {machine}, {len(data)} bytes, {', '.join(facts)}")


def check_folder(folder):
    paths = [path for path in folder.rglob("*") if not path.is_dir()]
    there = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    for file in sorted({*FILES, SUMS} - set(there)):
        fail(file, "file", "present", "absent")
    for file in sorted(set(there) - {*FILES, SUMS}):
        fail(file, "file", "absent", "present")

    lines = there.get(SUMS, b"").decode().splitlines()
    sums = {line[66:]: line[:64] for line in lines}
    equal(SUMS, "files", set(FILES), set(sums))
    for file in FILES:
        if file in there:
            data = there[file]
            equal(file, "checksum", sums.get(file), hashlib.sha256(data).hexdigest())
            check_file(file, data)


# LIEF complains about what it can read all the same.
lief.logging.disable()
check_folder(Path(sys.argv[1]))
sys.exit(failures > 0)
