// swift-tools-version: 6.2
import PackageDescription

/// In continuous integration (`.ci/run` sets the variable) a warning in our own targets is an error.
let warningsAsErrors: [SwiftSetting] =
    Context.environment["HEDDLE_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// One set of rules for every target: Swift 6, imports internal unless said otherwise, `any` spelled out.
let strict: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ] + warningsAsErrors

/// What the data path adds: the optimiser sees across modules, and exclusivity is the compiler's proof alone
/// (the dynamic check costs two calls for each stored property of a class).
let hotPath: [SwiftSetting] =
    strict + [
        .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
        .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
    ]

let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

func core(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: hotPath)
}
func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: strict)
}

// The layer table of ARCHITECTURE.md; a target may depend on lower layers only, and TidyTests holds it.
let allTargets: [Target] = [
    // Layer 0: C
    .target(name: "CLinux"),
    .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "COpenSSLSystem", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .target(name: "COpenSSL", dependencies: ["COpenSSLSystem"]),
    .systemLibrary(name: "CLuaJITSystem", pkgConfig: "luajit", providers: [.apt(["libluajit-5.1-dev"])]),
    .target(name: "CLuaJIT", dependencies: ["CLuaJITSystem"]),
    .systemLibrary(name: "CRE2System", pkgConfig: "re2", providers: [.apt(["libre2-dev"])]),
    .target(name: "CRE2", dependencies: ["CRE2System"]),
    .systemLibrary(name: "CAres", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),

    // Layer 1
    core("Bytes"),
    core("HTTPModel", ["Bytes"]),

    // Layer 2
    core("HTTPCodec", ["Bytes", "HTTPModel", "CNGHTTP2"]),
    core("SecureTransport", ["Bytes", "COpenSSL"]),
    core("TrafficPolicy", ["Bytes", "HTTPModel", "CRE2", "CLinux"]),
    core("ProxyModel", [protobuf], exclude: ["Protos"]),
    core("Observability", ["Bytes", "HTTPModel", "CLinux"]),
    core("Reactor", ["Bytes", "CLinux"]),
    core("BodyFields", ["Bytes"]),

    // Layer 3
    core("LuaRuntime", ["Bytes", "CLuaJIT"]),
    core("ServiceKit", ["Bytes", "HTTPModel", "HTTPCodec", "Reactor", "SecureTransport"]),

    // Layer 4
    core(
        "DataPlane",
        [
            "Bytes", "HTTPModel", "HTTPCodec", "SecureTransport", "TrafficPolicy", "ProxyModel", "Observability",
            "Reactor", protobuf, "CLinux",
        ]),

    // Layer 5
    core(
        "Filters",
        [
            "Bytes", "HTTPModel", "SecureTransport", "BodyFields", "DataPlane", "LuaRuntime", "ProxyModel", "Reactor", "Observability",
            "TrafficPolicy", protobuf,
        ]),

    // Layer 6
    core(
        "Supervision",
        [
            "Bytes", "HTTPModel", "Reactor", "ProxyModel", "Observability", "ServiceKit", "DataPlane", "Filters", "CLinux",
            "CAres", "TrafficPolicy", "SecureTransport", protobuf,
        ]),

    // Layer 7: composition roots
    .executableTarget(name: "heddle-proxy", dependencies: ["Supervision", "Filters"], swiftSettings: hotPath),
    .executableTarget(name: "heddle", dependencies: ["ProxyModel", "Supervision", arguments], swiftSettings: strict),

    // For tests alone: the same program with a filter that crashes.
    .executableTarget(
        name: "heddle-proxy-faulty", dependencies: ["Supervision", "Filters", "DataPlane", "Bytes", "HTTPModel", "Reactor", protobuf],
        swiftSettings: hotPath),
    .executableTarget(name: "heddle-micro", dependencies: ["Bytes", "HTTPModel", "TrafficPolicy"], swiftSettings: hotPath),

    // Tests
    .target(name: "TestKit", dependencies: ["CNGHTTP2", "COpenSSLSystem"], swiftSettings: strict),
    tests("BytesTests", ["Bytes"]),
    tests("HTTPModelTests", ["HTTPModel", "Bytes"]),
    tests("HTTPCodecTests", ["HTTPCodec", "HTTPModel", "Bytes", "CNGHTTP2", "TestKit"]),
    tests("SecureTransportTests", ["SecureTransport", "COpenSSL"]),
    tests("TrafficPolicyTests", ["TrafficPolicy", "HTTPModel", "Bytes"]),
    tests("ProxyModelTests", ["ProxyModel", protobuf, yams], resources: [.copy("Fixtures")]),
    tests("ObservabilityTests", ["Observability", "HTTPModel", "Bytes"]),
    tests("ReactorTests", ["Reactor", "Bytes", "CLinux"]),
    tests("BodyFieldsTests", ["BodyFields", "Bytes"]),
    tests("LuaRuntimeTests", ["LuaRuntime", "Bytes"]),
    tests("ServiceKitTests", ["ServiceKit", "Bytes"]),
    tests("DataPlaneTests", ["DataPlane", "HTTPModel", "Bytes", "Reactor", "ProxyModel", "Observability", "TrafficPolicy", "TestKit", protobuf]),
    tests(
        "FiltersTests",
        ["Filters", "DataPlane", "HTTPModel", "Bytes", "ProxyModel", "LuaRuntime", "Reactor", "Observability", "TrafficPolicy", "TestKit", protobuf]),
    tests("SupervisionTests", ["Supervision", "CLinux", "Bytes", "Observability", "DataPlane", "Reactor", "ServiceKit", "TrafficPolicy", "ProxyModel", "TestKit"]),
    tests("IntegrationTests", ["TestKit", "Bytes", "HTTPModel", "CLinux"]),
    tests("ConformanceTests", ["TestKit", "Bytes", "CLinux"]),
    tests("TidyTests", []),
]

let package = Package(
    name: "Heddle",
    dependencies: [
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: allTargets,
    cxxLanguageStandard: .cxx17
)
