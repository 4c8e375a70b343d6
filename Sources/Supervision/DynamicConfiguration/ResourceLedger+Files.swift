import Observability
import ProxyModel
import Reactor

/// Secrets that name files are compiled anew when the files are replaced, as any other change: by all workers or by none.
extension ResourceLedger {
    /// A secret was accepted.
    func follow(_ resource: StoredResource, _ files: NamedFiles) {
        guard resource.key.type == .secret else { return }
        // As in Envoy, what stands in the bootstrap changes with the bootstrap, unless it says otherwise.
        guard resource.origin != .bootstrap || files.isExplicit else { return secretFiles.forget(resource.key) }
        do throws(SystemError) {
            try secretFiles.follow(resource.key, files)
        } catch {
            log.error(.config, "the files of \(resource.key) cannot be watched: \(error)")
        }
    }

    /// Has secrets compiled anew; those that change again meanwhile come after.
    func filesChanged(_ keys: [ResourceKey]) {
        changedFiles.formUnion(keys)
        guard !isReadingFiles, !changedFiles.isEmpty else { return }
        let changed = changedFiles.sorted()
        changedFiles = []
        isReadingFiles = true
        let changes = changed.compactMap { key in
            store.newest(key).map { ResourceChange(key, version: $0.version, body: $0.body) }
        }
        apply(
            Batch(origin: .source, changes: changes, recompiled: Set(changed)) { [unowned self] refusals in
                for key in changed {
                    let refusal = refusals.first { $0.key == key }
                    if let refusal {
                        self.log.warning(.config, "the files of \(key) have changed and are refused, what they held stays: \(refusal.reason)")
                    } else {
                        self.log.info(.config, "the files of \(key) have changed and are read anew")
                    }
                }
                self.isReadingFiles = false
                self.filesChanged([])
            })
    }
}
