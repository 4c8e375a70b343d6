import Glibc
import ProxyModel
import Reactor
import SwiftProtobuf
import TestKit
import Testing

@testable import Supervision

@Suite("Secrets that name files, in the ledger")
struct SecretFileLedgerTests {
    /// A file that goes with its test.
    private final class File {
        let folder: String

        init() {
            var template = Array("/tmp/heddle-secret-XXXXXX".utf8CString)
            folder = mkdtemp(&template).map { String(cString: $0) } ?? ""
        }

        deinit {
            unlink(folder + "/ca")
            rmdir(folder)
        }

        func put(_ text: String) {
            let file = open(folder + "/.new", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            _ = text.withCString { write(file, $0, strlen($0)) }
            close(file)
            rename(folder + "/.new", folder + "/ca")
        }
    }

    @WorkerActor private static func run(_ body: @WorkerActor () throws -> Void) async throws {
        _ = RunningLoop.started
        try body()
    }

    private static func secret(_ file: File, watched: Bool = false) -> ResourceChange {
        let secret = Envoy_Extensions_TransportSockets_Tls_V3_Secret.with {
            $0.name = "secret-r0"
            $0.validationContext.trustedCa.filename = file.folder + "/ca"
            if watched { $0.validationContext.watchedDirectory.path = file.folder }
        }
        return ResourceChange(ResourceKey(.secret, "secret-r0"), version: "7", body: MeshResources.bytes(secret))
    }

    @WorkerActor private static func offer(_ scene: LedgerScene, _ origin: ResourceLedger.Origin, _ change: ResourceChange) {
        scene.ledger.apply(ResourceLedger.Batch(origin: origin, changes: [change]) { _ in })
        scene.advance(seconds: 0)
    }

    @Test("a file that is replaced compiles the secret anew; the secret is the same, and one that is refused stays")
    func recompiles() async throws {
        try await Self.run {
            let file = File()
            file.put("1")
            let scene = try LedgerScene()
            scene.offer(.cluster, [("r0", 1)])
            Self.offer(scene, .source, Self.secret(file))
            let key = ResourceKey(.secret, "secret-r0")
            let first = try #require(scene.ledger.store.active[key])
            file.put("2")
            scene.advance(seconds: 0.1)
            let second = try #require(scene.ledger.store.active[key])
            #expect(second.number != first.number)
            #expect(second.body == first.body && second.version == "7" && second.origin == .source)
            scene.refused = [key]
            file.put("3")
            scene.advance(seconds: 0.1)
            #expect(scene.ledger.store.active[key] == second)
            #expect(scene.ledger.store.failures[key] != nil)
            scene.refused = []
            file.put("4")
            scene.advance(seconds: 0.1)
            #expect(scene.ledger.store.active[key]?.number != second.number)
            #expect(scene.ledger.store.failures[key] == nil)
            #expect(scene.worker.violations == [] && scene.worker.leftOver == 1)
        }
    }

    @Test("a secret of the bootstrap follows its files when it says what is watched", arguments: [false, true])
    func bootstrap(watched: Bool) async throws {
        try await Self.run {
            let file = File()
            file.put("1")
            let scene = try LedgerScene()
            Self.offer(scene, .bootstrap, Self.secret(file, watched: watched))
            let first = try #require(scene.ledger.store.active[ResourceKey(.secret, "secret-r0")])
            file.put("2")
            scene.advance(seconds: 0.1)
            let second = try #require(scene.ledger.store.active[ResourceKey(.secret, "secret-r0")])
            #expect((first.number != second.number) == watched)
            #expect(second.origin == .bootstrap)
        }
    }
}
