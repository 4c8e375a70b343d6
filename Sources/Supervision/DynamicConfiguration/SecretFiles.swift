import Bytes
import ProxyModel
import Reactor

/// The files that a secret names, and where their replacement shows.
struct NamedFiles: Equatable, Sendable {
    /// Longest file that is read.
    private static let maximumBytes = 16 << 20

    /// In the order in which the secret names them.
    var files: [String] = []
    /// `watched_directory`, or the folders that the files are in.
    var folders: Set<String> = []
    /// Whether the configuration says what is watched.
    var isExplicit = false
    /// Stands for what the files held when the secret was read.
    var digest: UInt64 = 0

    init() {}

    init(_ secret: Envoy_Extensions_TransportSockets_Tls_V3_Secret) {
        switch secret.type {
        case .tlsCertificate(let certificate)?:
            add([certificate.certificateChain, certificate.privateKey, certificate.password])
            if certificate.hasWatchedDirectory { watch(certificate.watchedDirectory.path) }
        case .validationContext(let validation)?:
            add([validation.trustedCa])
            if validation.hasWatchedDirectory { watch(validation.watchedDirectory.path) }
        case nil: break
        }
        digest = currentDigest
    }

    /// Stands for what the files hold now (FNV-1a); a file that cannot be read counts as one with other content.
    var currentDigest: UInt64 {
        var hash = FNV1a()
        for file in files {
            let bytes = ProcessFiles.read(file, limit: Self.maximumBytes)
            hash.add(bytes == nil ? 0 : 1)
            hash.add(bytes ?? [])
            for shift in stride(from: 0, to: 64, by: 8) { hash.add(UInt8(truncatingIfNeeded: (bytes?.count ?? 0) >> shift)) }
        }
        return hash.value
    }

    private mutating func add(_ sources: [Envoy_Config_Core_V3_DataSource]) {
        for case .filename(let file)? in sources.map(\.specifier) {
            files.append(file)
            let slash = file.lastIndex(of: "/")
            folders.insert(slash.map { $0 == file.startIndex ? "/" : String(file[..<$0]) } ?? ".")
        }
    }

    private mutating func watch(_ folder: String) {
        folders = [folder]
        isExplicit = true
    }
}

/// Watches the files that secrets name, and tells which secrets have other content: the names in them stay, so that the
/// secrets themselves are the same.
@WorkerActor final class SecretFiles {
    private struct Entry {
        var files: NamedFiles
        var subscriptions: [FileWatch.Subscription]
    }

    private let loop: EventLoop
    private var watch: FileWatch?
    private var entries: [ResourceKey: Entry] = [:]
    /// Called with the secrets whose files have changed.
    var changed: @WorkerActor ([ResourceKey]) -> Void = { _ in }

    init(loop: EventLoop) { self.loop = loop }

    /// From now on a secret names these files. What they held when the secret was read is known.
    func follow(_ key: ResourceKey, _ files: NamedFiles) throws(SystemError) {
        if entries[key]?.files.folders == files.folders {
            entries[key]?.files = files
        } else {
            forget(key)
            guard !files.files.isEmpty else { return }
            let watch = try present()
            let subscriptions = files.folders.sorted().map { folder in
                watch.watch(folder: folder, name: nil) { [unowned self] in self.look(key) }
            }
            entries[key] = Entry(files: files, subscriptions: subscriptions)
        }
    }

    /// The secret is gone.
    func forget(_ key: ResourceKey) {
        for subscription in entries.removeValue(forKey: key)?.subscriptions ?? [] { watch?.unwatch(subscription) }
    }

    /// Tells of the secret if its files have changed since it was read.
    func look(_ key: ResourceKey) {
        guard let files = entries[key]?.files, files.currentDigest != files.digest else { return }
        changed([key])
    }

    private func present() throws(SystemError) -> FileWatch {
        if let watch { return watch }
        let new = try FileWatch(loop: loop)
        watch = new
        return new
    }
}
