import CHiredis
import Foundation
import ServiceLifecycle
import SwiftProtobuf

/// Carts in Redis: for each user a hash whose field `data` holds the cart as protobuf. That is how the original keeps them,
/// by a cache that may expire entries (`absexp` and `sldexp`, here never); the field of 2019 was `cart`.
///
/// hiredis blocks its caller, so that one thread of this store speaks to Redis and the service waits for its answers.
final class RedisCartStore: CartStore, Service {
    enum Failure: Error, CustomStringConvertible {
        case unreachable(String)
        case refused(String)
        case overloaded
        case ended

        var description: String {
            switch self {
            case .unreachable(let reason): "Redis cannot be reached: \(reason)"
            case .refused(let reason): "Redis refused: \(reason)"
            case .overloaded: "too many calls wait for Redis"
            case .ended: "the service ends"
            }
        }
    }

    /// Calls that may wait; one more fails at once.
    static let mostWaiting = 1000

    private let address: Address
    private let queue = RedisWorkQueue(most: RedisCartStore.mostWaiting)

    init(address: Address) {
        self.address = address
    }

    func cart(of user: String) async throws -> Hipstershop_Cart {
        try await perform { try $0.cart(of: user) }
    }

    func change(_ user: String, _ change: @escaping @Sendable (inout Hipstershop_Cart) -> Void) async throws {
        try await perform { redis in
            var cart = try redis.cart(of: user)
            cart.userID = user
            change(&cart)
            try redis.store(cart, of: user)
        }
    }

    /// Runs the thread until the process is told to end.
    func run() async throws {
        let thread = Thread { [self] in work() }
        thread.name = "redis"
        thread.start()
        try? await gracefulShutdown()
        queue.close()
    }

    private func perform<Value: Sendable>(_ body: @escaping @Sendable (RedisConnection) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
            let refusal = queue.add { redis in continuation.resume(with: Result { try body(redis) }) }
            if let refusal { continuation.resume(throwing: refusal) }
        }
    }

    private func work() {
        let redis = RedisConnection(address: address)
        while let next = queue.take() {
            for work in next { work(redis) }
        }
    }
}

/// What waits for the thread that speaks to Redis.
private final class RedisWorkQueue: @unchecked Sendable {
    // Safety: both variables are touched only between the lock and the unlock of the condition.
    typealias Work = @Sendable (RedisConnection) -> Void

    private let most: Int
    private let condition = NSCondition()
    private var waiting: [Work] = []
    private var isOpen = true

    init(most: Int) {
        self.most = most
    }

    /// Adds work; the answer is why it is refused, or nil.
    func add(_ work: @escaping Work) -> RedisCartStore.Failure? {
        condition.withLock {
            guard isOpen else { return .ended }
            guard waiting.count < most else { return .overloaded }
            waiting.append(work)
            condition.signal()
            return nil
        }
    }

    /// Lets the thread end when all is done.
    func close() {
        condition.withLock {
            isOpen = false
            condition.broadcast()
        }
    }

    /// Waits for work; nil when there will be none.
    func take() -> [Work]? {
        condition.withLock {
            while waiting.isEmpty, isOpen { condition.wait() }
            defer { waiting = [] }
            return waiting.isEmpty ? nil : waiting
        }
    }
}

/// One connection, made when it is needed and made anew when it broke. Of one thread.
final class RedisConnection {
    private static let timeout = timeval(tv_sec: 1, tv_usec: 0)

    private let address: Address
    private var context: UnsafeMutablePointer<redisContext>?

    init(address: Address) {
        self.address = address
    }

    deinit { redisFree(context) }

    func cart(of user: String) throws -> Hipstershop_Cart {
        for field in Self.fields {
            let reply = try command([Data("HGET".utf8), Data(user.utf8), Data(field.utf8)])
            if let reply { return try Hipstershop_Cart(serializedBytes: reply) }
        }
        return Hipstershop_Cart()
    }

    func store(_ cart: Hipstershop_Cart, of user: String) throws {
        let bytes = try cart.serializedData()
        var parts = [Data("HSET".utf8), Data(user.utf8)]
        for field in ["absexp", "sldexp"] { parts += [Data(field.utf8), Data("-1".utf8)] }
        for field in Self.fields { parts += [Data(field.utf8), bytes] }
        _ = try command(parts)
    }

    /// Where a cart may be: today, and in 2019. Both are written, so that either original finds it.
    private static let fields = ["data", "cart"]

    /// The bytes of the answer, or nil where it has none. A connection that broke is tried once more, anew: both commands
    /// have the same effect when they are given twice.
    private func command(_ parts: [Data]) throws -> Data? {
        let isFresh = context == nil
        do {
            return try commandOnce(parts)
        } catch RedisCartStore.Failure.unreachable where !isFresh {
            return try commandOnce(parts)
        }
    }

    private func commandOnce(_ parts: [Data]) throws -> Data? {
        let context = try connected()
        let joined = parts.map { Array($0) }
        let reply = withPointers(to: joined) { pointers, lengths -> UnsafeMutablePointer<redisReply>? in
            redisCommandArgv(context, Int32(joined.count), pointers, lengths)?.assumingMemoryBound(to: redisReply.self)
        }
        guard let reply else {
            let reason = Self.reason(context)
            redisFree(context)
            self.context = nil
            throw RedisCartStore.Failure.unreachable(reason)
        }
        defer { freeReplyObject(reply) }
        guard let text = reply.pointee.str else { return nil }
        let bytes = Data(bytes: text, count: Int(reply.pointee.len))
        if reply.pointee.type == REDIS_REPLY_ERROR {
            throw RedisCartStore.Failure.refused(String(decoding: bytes, as: UTF8.self))
        }
        return bytes
    }

    private func connected() throws -> UnsafeMutablePointer<redisContext> {
        if let context { return context }
        guard let fresh = redisConnectWithTimeout(address.host, Int32(address.port), Self.timeout) else {
            throw RedisCartStore.Failure.unreachable("out of memory")
        }
        guard fresh.pointee.err == 0 else {
            defer { redisFree(fresh) }
            throw RedisCartStore.Failure.unreachable(Self.reason(fresh))
        }
        redisSetTimeout(fresh, Self.timeout)
        context = fresh
        return fresh
    }

    private static func reason(_ context: UnsafeMutablePointer<redisContext>) -> String {
        withUnsafePointer(to: &context.pointee.errstr) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 128) { String(cString: $0) }
        }
    }

    /// Calls `body` with C's idea of a list of byte strings.
    private func withPointers<Result>(
        to parts: [[UInt8]], _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>, UnsafePointer<Int>) -> Result
    ) -> Result {
        let all = parts.flatMap { $0 }
        let lengths = parts.map(\.count)
        return all.withUnsafeBytes { bytes in
            var offset = 0
            var pointers: [UnsafePointer<CChar>?] = parts.map { part in
                defer { offset += part.count }
                return bytes.baseAddress?.advanced(by: offset).assumingMemoryBound(to: CChar.self)
            }
            return pointers.withUnsafeMutableBufferPointer { pointers in
                lengths.withUnsafeBufferPointer { lengths in
                    // Safety: both lists have at least the command's name, so that they have an address.
                    body(pointers.baseAddress.unsafelyUnwrapped, lengths.baseAddress.unsafelyUnwrapped)
                }
            }
        }
    }
}
