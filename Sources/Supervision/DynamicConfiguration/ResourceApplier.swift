import ProxyModel
import Reactor

/// Who puts dynamic resources into force: holds them all, compiles them with the static ones, brings them to the workers.
///
/// ``ResourceSubscriber`` is its other side. Per resource it is all or nothing: the good ones of a batch are taken, the
/// others keep their last good form and are named in the answer.
@WorkerActor protocol ResourceApplier: AnyObject {
    /// What is held that sources gave, be it in an earlier life: read from the last good configuration on disk, or by
    /// sources that another bootstrap named. With it a source that begins anew notices what is gone. What was refused and
    /// never taken has no bytes.
    func heldResources() -> [ResourceChange]

    /// Takes the changes of one response.
    ///
    /// There is one batch at a time: the next comes after `done`. `done` is called exactly once, during the call or
    /// later, when every worker has prepared the result or it was refused; it never waits for other resources (warming),
    /// because those are asked for only after it. New wants are told (``ResourceSubscriber/wantsChanged(_:)``) before
    /// `done`, so that endpoints are asked for before their clusters are acknowledged.
    func apply(_ batch: ResourceBatch, done: @escaping @WorkerActor ([ResourceRefusal]) -> Void)

    /// These did not come in time (`initial_fetch_timeout`), or their source says that they do not exist: go on without
    /// them. `*` stands for the wildcard of its type. They may come later.
    func fetchEnded(_ keys: [ResourceKey])
}

/// Who asks the sources for resources, on behalf of a ``ResourceApplier``.
@WorkerActor protocol ResourceSubscriber: AnyObject {
    /// Everything that is wanted now, wildcards of `lds_config` and `cds_config` not included; what was wanted before and
    /// is missing is not asked for any more.
    func wantsChanged(_ wants: Set<ResourceWant>)

    /// All clusters of the first CDS response are warm (or there was none to wait for): listeners may be asked for.
    func clustersAreWarm()
}
