import Glibc

/// Holds threads until it is opened.
final class Gate: @unchecked Sendable {
    // Safety: a semaphore may be used by all threads; it is made before and destroyed after all of them.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func wait() { sem_wait(semaphore) }
    func open() { sem_post(semaphore) }
}
