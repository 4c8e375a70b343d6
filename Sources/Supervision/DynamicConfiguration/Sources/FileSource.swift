import Glibc
import ProxyModel
import Reactor
import SwiftProtobuf
import XDS

/// Resources of one type from a file that holds a `DiscoveryResponse` in YAML or JSON, read again when it is replaced.
@WorkerActor final class FileSource: DiscoverySource {
    private let type: ResourceType
    private let path: String
    private let folder: String
    /// Nil: anything that happens in the folder counts (`watched_directory`).
    private let name: String?
    private let statistics: DiscoveryStatistics
    private let checker: ResourceChecker
    private let watch: FileWatch
    private unowned let owner: any DiscoverySourceOwner
    private var subscription: FileWatch.Subscription?
    private var wanted = WantedResources.nothing
    private var held = HeldResources()
    private var inHand: (sifted: HeldResources.Sifted, version: String)?
    /// Names that somebody gave up while a batch is in hand: what it brings of them may be gone again.
    private var lapsed: Set<String> = []
    private var isStale = false
    private var isStopped = false

    /// - Parameter watchedFolder: `watched_directory`.
    init(
        _ type: ResourceType, path: String, watchedFolder: String?, statistics: DiscoveryStatistics,
        checker: ResourceChecker, watch: FileWatch, held: HeldResources, owner: any DiscoverySourceOwner
    ) {
        self.type = type
        self.path = path
        let slash = path.lastIndex(of: "/")
        folder = watchedFolder ?? slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        name = watchedFolder == nil ? slash.map { String(path[path.index(after: $0)...]) } ?? path : nil
        self.statistics = statistics
        self.checker = checker
        self.watch = watch
        self.held = held
        self.owner = owner
    }

    func want(_ type: ResourceType, _ wanted: WantedResources, fetchTimeout: FetchTimes) {
        guard self.wanted != wanted else { return }
        if case .names(let new) = wanted {
            for name in held.names where !new.contains(name) { held.forget(name) }
            if inHand != nil, case .names(let old) = self.wanted { lapsed.formUnion(old.subtracting(new)) }
        }
        self.wanted = wanted
        if subscription == nil {
            subscription = watch.watch(folder: folder, name: name) { [unowned self] in self.load() }
        }
        load()
    }

    func applied(_ refusals: [ResourceRefusal]) {
        guard !isStopped, let done = inHand else { return }
        inHand = nil
        held.settle(done.sifted, refused: Set(refusals.map(\.key.name)))
        // Nobody has kept it: it is read and offered again for whoever wants it again.
        for name in lapsed { held.forget(name) }
        lapsed = []
        let all = done.sifted.refused + refusals
        if all.isEmpty {
            statistics.note(.accepted(type, version: done.version), path)
        } else {
            statistics.note(
                .rejected(type, reason: all.map { "\($0.key): \($0.reason)" }.joined(separator: "; ")), path)
        }
        tellMissing()
        if isStale { load() }
    }

    func stop() {
        isStopped = true
        if let subscription { watch.unwatch(subscription) }
        subscription = nil
    }

    // MARK: Private parts

    private func load() {
        guard inHand == nil else {
            isStale = true
            return
        }
        isStale = false
        statistics.note(.attempt(type), path)
        let update: DiscoveryUpdate
        do throws(ConfigErrors) {
            update = try read()
        } catch {
            statistics.note(.failed(type, reason: error.description), path)
            tellMissing()
            return
        }
        let sifted = held.sift(update, type, wanted: wanted, checker: checker, limits: DiscoveryLimits())
        if !sifted.ignored.isEmpty { statistics.note(.ignored(fields: sifted.ignored), path) }
        inHand = (sifted, update.version)
        owner.source(self, offers: ResourceBatch(sifted, type, source: path, version: update.version))
    }

    private func read() throws(ConfigErrors) -> DiscoveryUpdate {
        var update = DiscoveryUpdate(try Self.response(path))
        // The file is for one type; its own word for it may be left out.
        if update.typeURL.isEmpty { update.typeURL = type.typeURL }
        guard update.typeURL == type.typeURL else {
            throw ConfigErrors(file: path, "holds resources of \(update.typeURL), expected \(type.typeURL)")
        }
        update.isComplete = type.isWildcard
        return update
    }

    /// What a file of resources holds.
    static func response(_ path: String) throws(ConfigErrors) -> Envoy_Service_Discovery_V3_DiscoveryResponse {
        guard let bytes = ProcessFiles.read(path, limit: ConfigFormat.maximumBytes + 1) else {
            throw ConfigErrors(file: path, "cannot be read: \(SystemError.text(errno))")
        }
        return try ConfigDecoder.merged(
            Envoy_Service_Discovery_V3_DiscoveryResponse.self, from: [try ConfigSource(bytes: bytes, file: path)],
            unknownFields: .leftAside, refusesEmpty: true
        ).message
    }

    /// Nothing else will come before the file changes: nobody waits for it.
    private func tellMissing() {
        switch wanted {
        case .all: if held.count == 0 { owner.source(self, ended: [ResourceKey(type, ResourceWant.wildcard)]) }
        case .names(let names):
            let missing = names.filter { held.body($0) == nil }.sorted()
            if !missing.isEmpty { owner.source(self, ended: missing.map { ResourceKey(type, $0) }) }
        }
    }
}
