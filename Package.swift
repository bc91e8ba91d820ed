// swift-tools-version: 6.1
//
// The targets stand bottom up: each imports only those above it.
// What the shared library needs beyond this (static Swift runtime, SONAME,
// version script) is passed by CMakeLists.txt, so that this manifest holds no
// unsafe flags and stays usable as a dependency.

import PackageDescription

let package = Package(
    name: "libreplay",
    products: [
        .library(name: "replay", type: .dynamic, targets: ["Replay"]),
        // For Sources/replay-log, a package of its own.
        .library(name: "ReplayTool", targets: ["ReplayTool"]),
    ],
    targets: [
        // System calls on files that need care: descriptors, size limits, mappings that others truncate.
        .target(name: "CSystem", cSettings: [.define("_GNU_SOURCE")]),

        // The public C headers (a link to include/), and what Swift can't
        // express: thread-locals, futexes, callers. C that the stubs share.
        .target(name: "CReplay", dependencies: ["CSystem"], cSettings: [.define("_GNU_SOURCE")]),

        // The exported variables, the table of functions, the texts of the statuses: shared with the stubs.
        .target(name: "CInterface", dependencies: ["CReplay"]),

        // System libraries.
        .systemLibrary(
            name: "CGLib", pkgConfig: "glib-2.0", providers: [.apt(["libglib2.0-dev"])]),
        .systemLibrary(
            name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        // The header alone: linking libxxhash would make hosts need it.
        .systemLibrary(name: "CXXHash", providers: [.apt(["libxxhash-dev"])]),

        // System calls and their faults, errno, locks, threads, memory, names as bytes.
        .target(name: "ReplaySystem", dependencies: ["CReplay", "CSystem"]),

        // Bytes, events, chunks, files, recovery.
        .target(name: "ReplayLog", dependencies: ["CSystem", "CZstd", "CXXHash", "ReplaySystem"]),

        // Logs that QEMU's record/replay wrote, read only.
        .target(name: "ReplayQEMU", dependencies: ["ReplayLog", "ReplaySystem"]),

        // Pages of guest memory in many versions, snapshots, the store beside a log.
        .target(
            name: "ReplaySnapshots",
            dependencies: ["CReplay", "CXXHash", "ReplayLog", "ReplaySystem"]),

        // The verbs of the tool replay-log, without its command line.
        .target(
            name: "ReplayTool",
            dependencies: ["CReplay", "ReplayLog", "ReplayQEMU", "ReplaySnapshots", "ReplaySystem"]),

        // gdb's remote protocol: packets, commands, conditions, sockets. Knows neither engine nor log.
        .target(name: "ReplayGDB", dependencies: ["ReplaySystem"]),

        // Sessions, instructions, checkpoints, queue, clocks, devices, block filter.
        .target(
            name: "ReplayEngine",
            dependencies: ["CReplay", "ReplayLog", "ReplaySnapshots", "ReplaySystem"]),

        // A host's GMainContext.
        .target(name: "ReplayGLib", dependencies: ["CGLib", "CReplay", "ReplayEngine", "ReplaySystem"]),

        // The C interface: one @_cdecl function for each declaration.
        .target(
            name: "Replay",
            dependencies: [
                "CInterface", "CReplay", "ReplayEngine", "ReplayGDB", "ReplayGLib", "ReplayLog",
                "ReplaySnapshots", "ReplaySystem",
            ]),

        // Folders, files and random numbers of the tests.
        .target(name: "TestSupport", path: "Tests/TestSupport"),

        .testTarget(name: "ReplaySystemTests", dependencies: ["ReplaySystem"]),
        .testTarget(name: "ReplayGDBTests", dependencies: ["ReplayGDB", "ReplaySystem", "TestSupport"]),
        .testTarget(name: "ReplayLogTests", dependencies: ["ReplayLog", "ReplaySystem", "TestSupport"]),
        .testTarget(name: "ReplayQEMUTests", dependencies: ["ReplayLog", "ReplayQEMU", "TestSupport"]),
        .testTarget(
            name: "ReplayToolTests",
            dependencies: ["ReplayLog", "ReplayQEMU", "ReplaySystem", "ReplayTool", "TestSupport"]),
        .testTarget(
            name: "ReplaySnapshotsTests",
            dependencies: ["ReplayLog", "ReplaySnapshots", "ReplaySystem", "TestSupport"]),
        .testTarget(
            name: "ReplayEngineTests",
            dependencies: ["CReplay", "Replay", "ReplayEngine", "ReplayLog", "ReplaySystem", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)
