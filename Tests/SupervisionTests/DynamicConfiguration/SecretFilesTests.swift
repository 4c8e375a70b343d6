import ProxyModel
import Reactor
import SwiftProtobuf
import TestKit
import Testing

@testable import Supervision

@Suite("The files that secrets name")
struct SecretFilesTests {
    private typealias Secret = Envoy_Extensions_TransportSockets_Tls_V3_Secret

    @WorkerActor private static func run(_ body: @WorkerActor () throws -> Void) async throws {
        _ = RunningLoop.started
        try body()
    }

    private static func certificate(_ folder: String, watched: String? = nil) -> Secret {
        .with {
            $0.name = "server"
            $0.tlsCertificate.certificateChain.filename = folder + "/crt"
            $0.tlsCertificate.privateKey.filename = folder + "/key"
            if let watched { $0.tlsCertificate.watchedDirectory.path = watched }
        }
    }

    @Test("the folders of all files are watched, or the one that the secret says; what stands in it is no file")
    func names() {
        let files = NamedFiles(Self.certificate("/certificates"))
        #expect(files.files == ["/certificates/crt", "/certificates/key"] && files.folders == ["/certificates"])
        #expect(!files.isExplicit)
        let watched = NamedFiles(Self.certificate("/certificates/..data", watched: "/certificates"))
        #expect(watched.folders == ["/certificates"] && watched.isExplicit)
        let authority = NamedFiles(
            .with {
                $0.validationContext.trustedCa.filename = "ca"
                $0.validationContext.watchedDirectory.path = "/etc"
            })
        #expect(authority.files == ["ca"] && authority.folders == ["/etc"])
        #expect(NamedFiles(.with { $0.validationContext.trustedCa.filename = "ca" }).folders == ["."])
        #expect(NamedFiles(.with { $0.validationContext.trustedCa.filename = "/ca" }).folders == ["/"])
        #expect(NamedFiles(.with { $0.validationContext.trustedCa.inlineString = "x" }).files == [])
    }

    @Test("a secret is told of when what its files hold is other than when it was read, and only then")
    func changes() async throws {
        let folder = WatchedFolder()
        folder.replace("crt", "1")
        folder.replace("key", "1")
        try await Self.run {
            let loop = EventLoop(poller: try EpollPoller(), clock: SystemClock())
            loop.adopt()
            let files = SecretFiles(loop: loop)
            let key = ResourceKey(.secret, "server")
            var told: [ResourceKey] = []
            files.changed = { told += $0 }
            func settle() -> Int {
                told = []
                for _ in 0..<3 { loop.turn(maximumWait: 10_000_000) }
                return told.count
            }
            let first = NamedFiles(Self.certificate(folder.path))
            try files.follow(key, first)
            files.look(key)
            #expect(settle() == 0)
            folder.replace("other", "x")
            folder.replace("crt", "1")
            #expect(settle() == 0)
            folder.replace("crt", "2")
            #expect(settle() == 1)
            // It was read before the change and compiled after it, so that it is not known which.
            try files.follow(key, first)
            told = []
            files.look(key)
            #expect(told == [key])
            try files.follow(key, NamedFiles(Self.certificate(folder.path)))
            told = []
            files.look(key)
            #expect(told == [])
            // Bytes that move from one file to another are a change, too.
            folder.replace("crt", "21")
            folder.replace("key", "")
            #expect(settle() == 1)
            files.forget(key)
            folder.replace("key", "3")
            #expect(settle() == 0)
        }
    }
}
