import ArgumentParser
import GRPCCore
import SwiftProtobuf

/// `hipstershop cart`
struct CartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cart", abstract: "Keeps the carts, in Redis where REDIS_ADDR names one (port 7070).")

    func run() async throws {
        var host = ServiceHost("CartService")
        let store: any CartStore
        if host.settings["REDIS_ADDR"] != nil {
            let redis = RedisCartStore(address: try host.settings.address("REDIS_ADDR"))
            host.runBeside(redis)
            store = redis
        } else {
            store = MemoryCartStore()
        }
        try await host.serve(port: 7070, [CartService(store: store)])
    }
}

/// Where carts are kept.
protocol CartStore: Sendable {
    /// The cart of a user; an empty one for a user without.
    func cart(of user: String) async throws -> Hipstershop_Cart
    /// Changes the cart of a user in one step.
    func change(_ user: String, _ change: @escaping @Sendable (inout Hipstershop_Cart) -> Void) async throws
}

/// Carts that end with the process.
actor MemoryCartStore: CartStore {
    /// As many users as are remembered; the next one pushes out any other.
    static let mostCarts = 100_000

    private var carts: [String: Hipstershop_Cart] = [:]

    func cart(of user: String) -> Hipstershop_Cart { carts[user] ?? Hipstershop_Cart() }

    func change(_ user: String, _ change: @escaping @Sendable (inout Hipstershop_Cart) -> Void) {
        if carts[user] == nil, carts.count >= Self.mostCarts, let other = carts.keys.first { carts[other] = nil }
        change(&carts[user, default: .with { $0.userID = user }])
    }
}

struct CartService: Hipstershop_CartService.SimpleServiceProtocol {
    let store: any CartStore

    func addItem(request: Hipstershop_AddItemRequest, context: ServerContext) async throws -> Hipstershop_Empty {
        let item = request.item
        try await stored {
            try await store.change(request.userID) { cart in
                if let index = cart.items.firstIndex(where: { $0.productID == item.productID }) {
                    cart.items[index].quantity = cart.items[index].quantity.addingReportingOverflow(item.quantity).partialValue
                } else {
                    cart.items.append(item)
                }
            }
        }
        return Hipstershop_Empty()
    }

    func getCart(request: Hipstershop_GetCartRequest, context: ServerContext) async throws -> Hipstershop_Cart {
        try await stored { try await store.cart(of: request.userID) }
    }

    func emptyCart(request: Hipstershop_EmptyCartRequest, context: ServerContext) async throws -> Hipstershop_Empty {
        try await stored { try await store.change(request.userID) { $0.items = [] } }
        return Hipstershop_Empty()
    }

    private func stored<Value>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch {
            throw RPCError(code: .failedPrecondition, message: "Can't access cart storage. \(error)", cause: error)
        }
    }
}
