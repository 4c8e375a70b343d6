import Glibc

/// How many descriptors this process may have open.
package enum DescriptorLimit {
    /// Raises the limit to `count`, as far as the system lets us. False when that is too few.
    package static func raise(to count: UInt) -> Bool {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(7), &limit) == 0 else { return false }
        if limit.rlim_cur >= count { return true }
        limit.rlim_cur = min(count, limit.rlim_max)
        return limit.rlim_cur >= count && setrlimit(__rlimit_resource_t(7), &limit) == 0
    }
}
