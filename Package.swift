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

/// What calls packages that take closures as `async` functions without an isolation of their own.
let beside: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + warningsAsErrors

/// What the data path adds: the optimiser sees across modules, exclusivity is the compiler's proof alone (the dynamic
/// check costs two calls for each stored property of a class), and references are counted without atomic operations: each
/// process of the proxy has one thread that has any (see ARCHITECTURE.md).
let hotPath: [SwiftSetting] =
    strict + [
        .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
        .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
        .unsafeFlags(["-Xfrontend", "-assume-single-threaded"], .when(configuration: .release)),
    ]

let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let grpcCore = Target.Dependency.product(name: "GRPCCore", package: "grpc-swift-2")
let grpcTransport = Target.Dependency.product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")
let grpcProtobuf = Target.Dependency.product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

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
    core("XDS", ["ProxyModel", protobuf]),
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
            "CAres", "TrafficPolicy", "SecureTransport", "XDS", protobuf,
        ]),

    core(
        "FilterTool",
        [
            "Bytes", "HTTPModel", "HTTPCodec", "Reactor", "ProxyModel", "Observability", "LuaRuntime", "DataPlane", "Filters",
            "TrafficPolicy", protobuf, "CLinux",
        ]),

    .target(name: "Demo", dependencies: ["CLinux"], swiftSettings: strict),

    // Layer 7: composition roots
    .executableTarget(name: "heddle-proxy", dependencies: ["Supervision", "Filters", "FilterTool"], swiftSettings: hotPath),
    .executableTarget(name: "heddle", dependencies: ["ProxyModel", "Supervision", "FilterTool", "Demo", arguments], swiftSettings: strict),

    // For tests alone: the same program with a filter that crashes.
    .executableTarget(
        name: "heddle-proxy-faulty", dependencies: ["Supervision", "Filters", "FilterTool", "DataPlane", "Bytes", "HTTPModel", "Reactor", protobuf],
        swiftSettings: hotPath),
    .executableTarget(
        name: "heddle-micro",
        dependencies: [
            "Bytes", "HTTPModel", "HTTPCodec", "TrafficPolicy", "ProxyModel", "Observability", "Reactor", "LuaRuntime", "DataPlane", "Filters",
        ], swiftSettings: hotPath),

    // Samples: the shop that the demo shows, one program with a subcommand for each service
    .systemLibrary(name: "CHiredis", path: "samples/hipstershop/CHiredis", providers: [.apt(["libhiredis-dev"])]),
    .executableTarget(
        name: "hipstershop",
        dependencies: [
            "CHiredis", arguments, protobuf, grpcCore, grpcTransport, grpcProtobuf, hummingbird, mustache, httpClient,
            logging, httpTypes, nioCore, nioHTTP1, lifecycle, signals,
        ],
        path: "samples/hipstershop/Sources", exclude: ["Protos"], resources: [.copy("Assets")], swiftSettings: beside),

    // Tests
    .target(name: "TestKit", dependencies: ["Reactor", "CNGHTTP2", "COpenSSLSystem"], swiftSettings: strict),
    tests("BytesTests", ["Bytes"]),
    tests("HTTPModelTests", ["HTTPModel", "Bytes"]),
    tests("HTTPCodecTests", ["HTTPCodec", "HTTPModel", "Bytes", "CNGHTTP2", "TestKit"]),
    tests("SecureTransportTests", ["SecureTransport", "COpenSSL"]),
    tests("TrafficPolicyTests", ["TrafficPolicy", "HTTPModel", "Bytes"]),
    tests("ProxyModelTests", ["ProxyModel", protobuf, yams], resources: [.copy("Fixtures")]),
    tests("ObservabilityTests", ["Observability", "HTTPModel", "Bytes"]),
    tests("ReactorTests", ["Reactor", "Bytes", "CLinux"]),
    tests("BodyFieldsTests", ["BodyFields", "Bytes"]),
    tests("XDSTests", ["XDS", "Supervision", "Observability", "DataPlane", "Reactor", "ProxyModel", "TestKit", protobuf]),
    tests("LuaRuntimeTests", ["LuaRuntime", "Bytes"]),
    tests("ServiceKitTests", ["ServiceKit", "Bytes", "HTTPCodec", "HTTPModel", "Reactor", "SecureTransport", "TestKit"]),
    tests("DataPlaneTests", ["DataPlane", "HTTPModel", "Bytes", "Reactor", "ProxyModel", "Observability", "TrafficPolicy", "TestKit", protobuf]),
    // The tool's tests are here too: a process has one event loop, and one thread that runs it.
    tests(
        "FiltersTests",
        ["Filters", "FilterTool", "DataPlane", "HTTPModel", "Bytes", "ProxyModel", "LuaRuntime", "Reactor", "Observability", "TrafficPolicy", "TestKit", protobuf]),
    tests("SupervisionTests", ["Supervision", "CLinux", "Bytes", "Observability", "DataPlane", "Reactor", "SecureTransport", "ServiceKit", "TrafficPolicy", "ProxyModel", "XDS", "TestKit", protobuf]),
    tests("DemoTests", ["Demo", "ProxyModel"]),
    tests("IntegrationTests", ["TestKit", "Bytes", "HTTPModel", "CLinux"]),
    tests("ConformanceTests", ["TestKit", "Bytes", "CLinux", "Filters"]),
    tests("TidyTests", []),
]

let package = Package(
    name: "Heddle",
    dependencies: [
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: allTargets,
    cxxLanguageStandard: .cxx17
)
