import GRPCCore
import SwiftProtobuf

/// The services behind the frontend, as the pages need them. Calls are made one after the other, as in the original: the
/// front page is thirteen of them.
struct Shop: Sendable {
    typealias Transport = NeighbourTransport

    /// The currencies that the shop shows, of all that can be converted.
    static let shownCurrencies = ["USD", "EUR", "CAD", "JPY", "GBP", "TRY"]
    /// An advertisement may not hold a page up for longer.
    static let adDeadline = Duration.milliseconds(100)

    let catalog: Hipstershop_ProductCatalogService.Client<Transport>
    let currency: Hipstershop_CurrencyService.Client<Transport>
    let cart: Hipstershop_CartService.Client<Transport>
    let recommendation: Hipstershop_RecommendationService.Client<Transport>
    let checkout: Hipstershop_CheckoutService.Client<Transport>
    let shipping: Hipstershop_ShippingService.Client<Transport>
    let ad: Hipstershop_AdService.Client<Transport>

    func currencies() async throws -> [String] {
        let known = Set(try await currency.getSupportedCurrencies(Hipstershop_Empty()).currencyCodes)
        return Self.shownCurrencies.filter(known.contains)
    }

    func products() async throws -> [Hipstershop_Product] {
        try await catalog.listProducts(Hipstershop_Empty()).products
    }

    func product(_ identifier: String) async throws -> Hipstershop_Product {
        try await catalog.getProduct(.with { $0.id = identifier })
    }

    func items(of user: String) async throws -> [Hipstershop_CartItem] {
        try await cart.getCart(.with { $0.userID = user }).items
    }

    func convert(_ amount: Money, to code: String) async throws -> Money {
        try await currency.convert(
            .with {
                $0.from = amount
                $0.toCode = code
            })
    }

    func add(_ product: String, quantity: Int32, for user: String) async throws {
        _ = try await cart.addItem(
            .with {
                $0.userID = user
                $0.item = .with {
                    $0.productID = product
                    $0.quantity = quantity
                }
            })
    }

    func shippingCost(_ items: [Hipstershop_CartItem], in code: String) async throws -> Money {
        try await convert(shipping.getQuote(.with { $0.items = items }).costUsd, to: code)
    }

    /// Products that may please as well; none where the service fails, for a page does not need them. All that are named are
    /// fetched, as in the original, and four are shown.
    func recommendations(for user: String, without products: [String]) async -> [Hipstershop_Product] {
        do {
            let named = try await recommendation.listRecommendations(
                .with {
                    $0.userID = user
                    $0.productIds = products
                }
            ).productIds
            var found: [Hipstershop_Product] = []
            for identifier in named { found.append(try await product(identifier)) }
            return Array(found.prefix(Self.shownRecommendations))
        } catch {
            return []
        }
    }

    private static let shownRecommendations = 4

    /// One advertisement; none where the service fails or takes too long.
    func advertisement(for categories: [String]) async -> Hipstershop_Ad? {
        var options = CallOptions.defaults
        options.timeout = Self.adDeadline
        do {
            return Chance.element(of: try await ad.getAds(.with { $0.contextKeys = categories }, options: options).ads)
        } catch {
            return nil
        }
    }
}
