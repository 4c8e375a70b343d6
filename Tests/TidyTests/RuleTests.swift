import Testing

/// Each rule catches what it is there for, and leaves alone what it is not.
@Suite("The tidy rules catch")
struct RuleTests {
    private func source(_ text: String, path: String = "Sources/DataPlane/Stream.swift") -> SwiftSource {
        SwiftSource(path: path, text: text)
    }

    private let table = LayerTable(
        markdown: """
            # Layers
            | program | what |
            |---|---|
            | `x` | not this table |

            | layer | target | may import | duty |
            |---|---|---|---|
            | * | anywhere | `Synchronization` | |
            | 1 | `Bytes` | – | slices |
            | 2 | `HTTPCodec` | `Bytes` `CNGHTTP2` | codecs |

            | layer | target | may import |
            | 9 | `Later` | – |
            """)

    @Test("an import that the layer table does not allow")
    func wrongImport() {
        let text =
            "import Bytes\npackage import Foundation\n@preconcurrency import struct Synchronization.Mutex\n// import Yams\n"
        let findings = table.findings(in: source(text, path: "Sources/HTTPCodec/A.swift"))
        #expect(findings.map(\.line) == [2])
        #expect(findings.first?.message.contains("may not import Foundation") == true)
    }

    @Test("a target that has no row")
    func unknownTarget() {
        #expect(table.findings(in: source("", path: "Sources/Surprise/A.swift")).count == 1)
        #expect(table.rows.map(\.target) == ["Bytes", "HTTPCodec"])
    }

    @Test("a table with a cycle, a target twice, layers out of order")
    func badTable() {
        let bad = LayerTable(
            markdown: """
                | layer | target | may import |
                | 2 | `A` | `B` |
                | 1 | `B` | `B` |
                | 2 | `A` | – |
                """)
        let messages = bad.contradictions(path: "X.md").map(\.message)
        #expect(
            messages == [
                "A may not import B, which stands below it", "B may not import B, which stands below it",
                "layer 1 stands below layer 2", "A stands twice in the layer table",
            ])
    }

    @Test("a manifest that depends on more than the table allows")
    func manifestDisagrees() {
        let manifest = Manifest(
            text: """
                let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
                    .target(name: "CLinux"), // "Bytes"
                    .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
                    core("Bytes"),
                    core(
                        "HTTPCodec",
                        ["Bytes", protobuf,
                         "CLinux"]),
                    .executableTarget(name: "tool", dependencies: ["Bytes"], swiftSettings: strict),
                """)
        #expect(manifest.targets["HTTPCodec"] == ["Bytes", "SwiftProtobuf", "CLinux"])
        #expect(manifest.targets["CNGHTTP2"] == [])
        #expect(manifest.targets["tool"] == ["Bytes"])
        let messages = manifest.findings(against: table).map(\.message)
        #expect(messages.contains("HTTPCodec depends on CLinux, which its row in ARCHITECTURE.md does not name"))
        #expect(messages.contains("HTTPCodec depends on SwiftProtobuf, which its row in ARCHITECTURE.md does not name"))
        #expect(messages.contains("target tool has no row in the layer table"))
        #expect(!messages.contains { $0.hasPrefix("Bytes") })
    }

    @Test("a file over the limit, but not one at it or one with a reason")
    func longFile() {
        let atLimit = String(repeating: "x\n", count: FileSize.most)
        #expect(FileSize.findings(in: source(atLimit)).isEmpty)
        #expect(FileSize.findings(in: source(atLimit + "x\n")).count == 1)
        #expect(FileSize.findings(in: source("// Size:\n" + atLimit)).count == 1)
        #expect(FileSize.findings(in: source("// Size: one table, of no use in parts.\n" + atLimit)).isEmpty)
    }

    @Test("each banned call, unless a comment gives the reason", arguments: BannedCall.all)
    func bannedCall(ban: BannedCall) throws {
        let path = "Sources/DataPlane/Bad.swift"
        let bad = source("func f() {\n    \(ban.example)\n}\n", path: path)
        #expect(try ban.findings(in: bad).map(\.line) == [2])
        #expect(try ban.findings(in: bad).first?.message.contains(ban.instead) == true)
        let excused = source("// Rule zero: the reason.\n\(ban.example)\n", path: path)
        #expect(try ban.findings(in: excused).isEmpty)
        let quoted = source("// \(ban.example)\nlet text = \"\(ban.example)\"\n", path: path)
        #expect(try ban.findings(in: quoted).isEmpty)
    }

    @Test(
        "no call that only looks like a banned one",
        arguments: [
            "log.print(1)", "let blueprint(x)", "hosts.shuffled(using: &rng)", "Int.random(in: 0..<n, using: &rng)",
            "timer.sleep(until: x)", "let endTime(x)", "return time(info.start)", "TaskLocal { }",
            "switch x { default: preconditionFailure() }",
            "do { } catch { count += 1 }", "func task(_ x: Int) { }", "func random() { }",
        ])
    func innocentCall(line: String) throws {
        for ban in BannedCall.all {
            #expect(try ban.findings(in: source(line)).isEmpty, "\(ban) fires")
        }
    }

    @Test("a ban holds where it is meant to")
    func scopes() throws {
        let printing = try #require(BannedCall.all.first { $0.name == "print" })
        #expect(try printing.findings(in: source("print(1)", path: "Sources/heddle/Version.swift")).isEmpty)
        #expect(try printing.findings(in: source("print(1)", path: "Tests/BytesTests/A.swift")).isEmpty)
        let task = try #require(BannedCall.all.first { $0.name == "Task on the data path" })
        #expect(try task.findings(in: source("Task { }", path: "Sources/Filters/HTTP/A.swift")).count == 1)
        #expect(
            try task.findings(in: source("Task(executorPreference: e) { }", path: "Sources/Filters/A.swift")).count == 1
        )
        #expect(try task.findings(in: source("Task { }", path: "Sources/ServiceKit/A.swift")).isEmpty)
    }

    @Test(
        "a declaration for others without documentation",
        arguments: [
            "package struct A {", "    public var x: Int { 1 }", "@inlinable package func f<T>() {}",
            "package init?(x: Int) {",
            "package final class B {", "static package let x = 1", "package nonisolated(unsafe) var x = 1",
            "package private(set) var count = 0", "@WorkerActor package protocol P {",
            "package static func make() -> A {",
            "indirect package enum E {", "package subscript(index: Int) -> UInt8 {", "package mutating func take() {",
        ])
    func undocumented(line: String) {
        #expect(Documented.findings(in: source("\n\(line)\n")).map(\.line) == [2])
        #expect(Documented.findings(in: source("/// What it is.\n@inlinable\n\(line)\n")).isEmpty)
        #expect(Documented.findings(in: source("// A remark is no documentation.\n\(line)\n")).count == 1)
    }

    @Test(
        "no declaration that needs no documentation",
        arguments: [
            "struct A {", "package import Bytes", "package extension A {", "package override func f() {",
            "let package = Package(",
            "x.package = publicKey", "// package var x", "let text = \"package var x\"", "case package",
        ])
    func needsNoDocumentation(line: String) {
        #expect(Documented.findings(in: source(line)).isEmpty)
    }

    @Test("an undocumented property after a gap, but not one in a documented run")
    func runOfProperties() {
        let run =
            "/// Times of the request.\n    package var a: Int\n    package var b: [Int] = []\n    package let c = f()\n"
        #expect(Documented.findings(in: source(run)).isEmpty)
        #expect(Documented.findings(in: source(run + "\n    package var d: Int")).map(\.line) == [6])
        #expect(Documented.findings(in: source(run + "    package func d() {}")).map(\.line) == [5])
        #expect(Documented.findings(in: source("package var a: Int\npackage var b: Int")).count == 2)
        let type = "package struct A {\n    package var a: Int\n    package var b: Int\n"
        #expect(Documented.findings(in: source("/// A pair.\n" + type)).isEmpty)
        #expect(Documented.findings(in: source(type)).map(\.line) == [1, 2, 3])
        #expect(Documented.findings(in: source("    package var description: String {")).isEmpty)
    }

    @Test("an undocumented initialiser, but not one that only stores its parameters")
    func memberwise() {
        let stores = "package init(\n    a: Int, _ b: [Int] = []\n) {\n    self.a = max(a, 1)\n    self.b = b\n}\n"
        #expect(Documented.findings(in: source(stores)).isEmpty)
        #expect(Documented.findings(in: source("package init(a: Int) { self.a = a }")).isEmpty)
        #expect(Documented.findings(in: source("package init(a: Int) { self.a = b }")).count == 1)
        #expect(Documented.findings(in: source("package init(a: Int) throws(E) { self.a = a }")).count == 1)
        #expect(Documented.findings(in: source("package init(a: Int) {\n    self.a = a\n    start()\n}")).count == 1)
    }

    @Test(
        "something unchecked without a safety line",
        arguments: [
            "final class A: @unchecked Sendable {", "nonisolated(unsafe) var x = 0",
            "let y = unsafeBitCast(x, to: Int.self)",
        ])
    func unexplained(line: String) {
        #expect(SafetyComment.findings(in: source("\n\(line)")).map(\.line) == [2])
        #expect(SafetyComment.findings(in: source("// Safety: one thread.\n\n\n\(line)")).isEmpty)
        #expect(SafetyComment.findings(in: source("\(line)\n    // Safety: one thread.")).isEmpty)
        #expect(SafetyComment.findings(in: source("\(line)\n\n    // Safety: too late.")).count == 1)
        #expect(SafetyComment.findings(in: source("// Safety: too far up.\n\n\n\n\(line)")).count == 1)
    }

    @Test("a path of one machine", arguments: ["ho" + "me", "ro" + "ot", "Us" + "ers", "sr" + "v"])
    func machinePath(folder: String) {
        #expect(PlainText.machinePaths(path: "A.md", text: "a\nsee /\(folder)/x for it").map(\.line) == [2])
        #expect(
            PlainText.machinePaths(path: "A.md", text: "https://example.com/\(folder)/x, $ROOT/\(folder)/x").isEmpty)
    }

    @Test("a mark for work left undone", arguments: ["TO" + "DO", "FIX" + "ME"])
    func undone(mark: String) {
        #expect(PlainText.undone(path: "A.swift", text: "x\n// \(mark): later").map(\.line) == [2])
        #expect(PlainText.undone(path: "A.py", text: "x\n# \(mark) later").map(\.line) == [2])
        #expect(PlainText.undone(path: "A.swift", text: "// \(mark)s of the app").isEmpty)
    }

    @Test("a filter without test, documentation or sample")
    func incompleteFilter() {
        let url = "envoy.extensions.filters.http.lua.v3.Lua"
        let path = FilterCompanions.folder + "Lua.swift"
        let bare = source("struct Lua {}", path: path)
        #expect(FilterCompanions.findings(in: bare, tests: [], samples: []).count == 3)
        let whole = source("/// ```yaml\n/// name: lua\n/// ```\nstruct Lua { let url = \"\(url)\" }", path: path)
        #expect(FilterCompanions.findings(in: whole, tests: ["LuaTests"], samples: ["type: \(url)"]).isEmpty)
        #expect(FilterCompanions.findings(in: whole, tests: ["LuaTests"], samples: ["type: other"]).count == 1)
        #expect(
            FilterCompanions.findings(in: source("", path: "Sources/Filters/Lua/X.swift"), tests: [], samples: [])
                .isEmpty)
    }

    @Test("a field or an enum's value that nothing reads, and a reason for nothing")
    func unreadField() {
        let rule = UnreadField(
            schema: """
                m envoy.A
                1 used_field string
                2 has_only string
                3 unread string
                4 excused string
                5 elsewhere string
                6 inner envoy.B
                m envoy.B
                1 by_holder string
                2 by_property string
                3 by_nobody string
                m envoy.C
                1 by_holder string
                e envoy.A.Kind
                0 ZERO
                1 KIND_ONE
                2 TWO
                m envoy.service.discovery.v3.Request
                1 wire string
                t envoy.other Missing
                """,
            table: """
                | message | fields | why |
                | `envoy.A` | `excused`, `gone` | because |
                | `envoy.D` | `x` | |
                """)
        let code = source(
            """
            func read(_ message: Envoy_A, _ kind: Envoy_A.Kind) {
                let a = message.usedField + message.inner
                if message.hasHasOnly {}
                switch kind { case .one: 1 } // .unread
                ".two"
            }
            """)
        let holder = source("let b = message.inner.byHolder", path: "Sources/DataPlane/B.swift")
        let declared = source("let part: Envoy_B", path: "Sources/DataPlane/Part.swift")
        let property = source("let c = thing.part.byProperty", path: "Sources/DataPlane/C.swift")
        let other = source("let d = thing.elsewhere + thing.byNobody", path: "Sources/DataPlane/D.swift")
        let model = source("message.unread", path: "Sources/ProxyModel/A.swift")
        let findings = rule.findings(in: [code, holder, declared, property, other, model]).map(\.description)
        #expect(
            findings.filter { $0.hasPrefix(UnreadField.schemaPath) }.map { $0.split(separator: " ")[1] } == [
                "envoy.A.Kind.TWO", "envoy.A.elsewhere", "envoy.A.unread", "envoy.B.by_nobody", "envoy.C.by_holder",
            ])
        #expect(
            findings.filter { $0.hasPrefix(UnreadField.tablePath) } == [
                "docs/DIFFERENCES.md:2: the schema has no envoy.A.gone", "docs/DIFFERENCES.md:3: no reason is given",
                "docs/DIFFERENCES.md:3: the schema has no envoy.D.x",
            ])
        #expect(UnreadField.swiftName("envoy.config.listener_filters.v3.A.B") == "Envoy_Config_ListenerFilters_V3_A.B")
    }

    @Test("a statistic that nothing writes, and a view that nobody makes")
    func unwrittenStatistic() {
        let views = source(
            """
            public struct HTTPStats: StatView {
                public enum Counters: String, StatKey {
                    case total = "rq_total"
                    case named = "rq_named"
                    case status1xx = "1xx"
                    case status2xx = "2xx"
                    case never, shared
                }
                func countClass(_ status: Int) { group.counter(ordinal(Counters.status1xx) + status) }
            }
            public struct TCPStats: StatView {
                public enum Counters: String, StatKey {
                    case shared
                    case open = "cx.open"
                }
            }
            """, path: UnwrittenStatistic.folder + "A.swift")
        let segment = source(
            "func http() -> HTTPStats { view() }\nfunc tcp() -> TCPStats { view() }", path: "Sources/Observability/Segment.swift")
        let code = source(
            "let stats = segment.http()\nstats[isBig ? .total : .shared].add() // stats[.never]\nlevels.append(\"rq_named\")\n\"open\"")
        let all = [views, segment, code]
        #expect(
            UnwrittenStatistic(all).findings(in: all).map { "\($0.line) " + $0.message.prefix(36) } == [
                "7 nothing writes HTTPStats.never: writ", "7 nothing writes HTTPStats.shared: wri",
                "13 nobody makes TCPStats", "13 nothing writes TCPStats.shared: writ",
            ])
    }
}
