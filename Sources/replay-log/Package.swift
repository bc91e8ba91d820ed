// swift-tools-version: 6.1
//
// The tool replay-log: the command line for the verbs in the target ReplayTool of the library's package. It is a
// package of its own, so that the library itself depends on no other package.

import PackageDescription

let package = Package(
    name: "replay-log",
    dependencies: [
        .package(name: "libreplay", path: "../.."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    ],
    targets: [
        .executableTarget(
            name: "replay-log",
            dependencies: [
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ReplayTool", package: "libreplay"),
            ])
    ],
    swiftLanguageModes: [.v6]
)
