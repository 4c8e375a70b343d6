import ProxyModel
import Reactor

/// Cases of Lua filters: who runs them answers as a worker does, so that a change is refused by a case that fails as by a
/// worker that cannot compile it.
extension ResourceLedger {
    /// The place of the cases among the workers.
    static let caseIndex = -1

    /// Has the cases of changed listeners run. What was in force before, or is compiled anew only, was tried then.
    func runCases(of candidates: [Candidate], _ batch: Batch) {
        guard let caseRunner, batch.origin != .lastGood, let generation = running?.rollout.generation else { return }
        let subjects = candidates.compactMap { candidate -> CaseRun.Subject? in
            guard candidate.reading?.hasCases ?? false, !batch.recompiled.contains(candidate.change.key) else { return nil }
            return candidate.change.body.map { (candidate.number, $0) }
        }
        guard !subjects.isEmpty else { return }
        running?.rollout.joined(Self.caseIndex)
        caseRunner(subjects) { [unowned self] refused in
            for (number, reason) in refused { self.running?.rollout.refused(Self.caseIndex, generation, number: number, reason) }
            if let action = self.running?.rollout.prepared(Self.caseIndex, generation) { self.perform(action) }
        }
    }
}
