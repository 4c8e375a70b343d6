import ServiceLifecycle
import SwiftProtobuf
import Synchronization
import UnixSignals

/// The products of `products.json`, whose form is that of the messages.
final class ProductCatalog: Sendable {
    private struct State {
        var products: [Hipstershop_Product]
        var readsAnew = false
    }

    private let state: Mutex<State>

    init() throws {
        state = Mutex(State(products: try Self.read()))
    }

    /// Whether the file is read for each call, which makes the service slow: the bug that the original can be told to have.
    var readsAnew: Bool {
        get { state.withLock { $0.readsAnew } }
        set { state.withLock { $0.readsAnew = newValue } }
    }

    /// All products.
    func products() throws -> [Hipstershop_Product] {
        guard readsAnew else { return state.withLock { $0.products } }
        let products = try Self.read()
        state.withLock { $0.products = products }
        return products
    }

    private static func read() throws -> [Hipstershop_Product] {
        try Hipstershop_ListProductsResponse(jsonString: Assets.text("products.json")).products
    }
}

/// SIGUSR1 makes the catalogue read its file for each call, SIGUSR2 ends that.
struct CatalogSignals: Service {
    let catalog: ProductCatalog
    let log: ServiceLog

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sigusr1, .sigusr2)
        await cancelWhenGracefulShutdown {
            for await signal in signals {
                catalog.readsAnew = signal == .sigusr1
                log.write(catalog.readsAnew ? "reads the catalogue for each call" : "keeps the catalogue")
            }
        }
    }
}
