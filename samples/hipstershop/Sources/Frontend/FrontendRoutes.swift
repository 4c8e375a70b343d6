import Foundation
import HTTPTypes
import Hummingbird
import SwiftProtobuf

/// The paths of the shop, one function each.
struct FrontendRoutes: Sendable {
    let shop: Shop
    let site: Site
    let pages: Pages

    func register(in routes: RouterGroup<ShopContext>) {
        routes.get("/") { _, context in try await home(context) }
        routes.get("/product/{id}") { _, context in try await product(context) }
        routes.get("/cart") { _, context in try await cart(context) }
        routes.post("/cart") { request, context in try await addToCart(request, context) }
        routes.post("/cart/empty") { _, context in try await emptyCart(context) }
        routes.post("/cart/checkout") { request, context in try await checkout(request, context) }
        routes.post("/setCurrency") { request, context in try await setCurrency(request, context) }
        routes.get("/logout") { request, _ in logout(request) }
        routes.get("/product-meta/{id}") { _, context in try await productFacts(context) }
        for (path, methods) in Self.methods {
            for method in Self.knownMethods where !methods.contains(method) {
                routes.on(RouterPath(path), method: method) { _, _ in Response(status: .methodNotAllowed) }
            }
        }
    }

    /// The methods of each path, as the original has them: any other is answered by 405 and no page.
    private static let methods: [(path: String, methods: Set<HTTPRequest.Method>)] = [
        ("/", [.get, .head]), ("/product/{id}", [.get, .head]), ("/cart", [.get, .head, .post]), ("/cart/empty", [.post]),
        ("/cart/checkout", [.post]), ("/setCurrency", [.post]), ("/logout", [.get]), ("/product-meta/{id}", [.get]),
    ]
    private static let knownMethods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options, .trace]

    private func home(_ context: ShopContext) async throws -> Response {
        let currencies = try await shop.currencies()
        let products = try await shop.products()
        let items = try await shop.items(of: context.session)
        var cards: [ProductView] = []
        for product in products {
            cards.append(ProductView(product, price: try await shop.convert(product.priceUsd, to: context.currency), site: site))
        }
        let ad = await shop.advertisement(for: [])
        return try pages.home(cards, frame: Frame(context, site: site, currencies: currencies, items: items, ad: ad))
    }

    private func product(_ context: ShopContext) async throws -> Response {
        let product = try await shop.product(context.parameters.require("id"))
        let currencies = try await shop.currencies()
        let items = try await shop.items(of: context.session)
        let price = try await shop.convert(product.priceUsd, to: context.currency)
        let others = await shop.recommendations(for: context.session, without: [product.id])
        let ad = await shop.advertisement(for: product.categories)
        return try pages.product(
            ProductView(product, price: price, site: site), recommendations: others.map { ProductView($0, site: site) },
            frame: Frame(context, site: site, currencies: currencies, items: items, ad: ad))
    }

    private func cart(_ context: ShopContext) async throws -> Response {
        let currencies = try await shop.currencies()
        let items = try await shop.items(of: context.session)
        let others = await shop.recommendations(for: context.session, without: items.map(\.productID))
        let shipping = try await shop.shippingCost(items, in: context.currency)
        var lines: [CartLine] = []
        var total = shipping
        for item in items {
            let product = try await shop.product(item.productID)
            let price = try await shop.convert(product.priceUsd, to: context.currency)
            guard let all = price.times(item.quantity), let sum = total.adding(all) else {
                throw PageFailure(status: .internalServerError, reason: "the amounts cannot be added")
            }
            total = sum
            lines.append(CartLine(product: ProductView(product, price: all, site: site), quantity: item.quantity))
        }
        return try pages.cart(
            lines, shipping: shipping, total: total, recommendations: others.map { ProductView($0, site: site) },
            frame: Frame(context, site: site, currencies: currencies, items: items, ad: nil))
    }

    private func addToCart(_ request: Request, _ context: ShopContext) async throws -> Response {
        var form = try await Form(request)
        let identifier = form.text("product_id")
        let quantity = form.number("quantity", in: 1...10)
        try form.check()
        let product = try await shop.product(identifier)
        try await shop.add(product.id, quantity: quantity, for: context.session)
        return redirect(to: site.baseURL + "/cart")
    }

    private func emptyCart(_ context: ShopContext) async throws -> Response {
        _ = try await shop.cart.emptyCart(.with { $0.userID = context.session })
        return redirect(to: site.baseURL + "/")
    }

    private func checkout(_ request: Request, _ context: ShopContext) async throws -> Response {
        let order = try await Self.order(Form(request), context)
        let result = try await shop.checkout.placeOrder(order).order
        let others = await shop.recommendations(for: context.session, without: [])
        let currencies = try await shop.currencies()
        guard let paid = result.items.reduce(result.shippingCost as Money?, { sum, item in
            item.cost.times(item.item.quantity).flatMap { sum?.adding($0) }
        }) else { throw PageFailure(status: .internalServerError, reason: "the amounts cannot be added") }
        return try pages.order(
            result, paid: paid, email: order.email, recommendations: others.map { ProductView($0, site: site) },
            frame: Frame(context, site: site, currencies: currencies, items: [], ad: nil))
    }

    private static func order(_ form: Form, _ context: ShopContext) throws -> Hipstershop_PlaceOrderRequest {
        var form = form
        let order = Hipstershop_PlaceOrderRequest.with {
            $0.userID = context.session
            $0.userCurrency = context.currency
            $0.email = form.email("email")
            $0.address.streetAddress = form.text("street_address")
            $0.address.zipCode = form.number("zip_code", in: 1...Int32.max)
            $0.address.city = form.text("city", most: 128)
            $0.address.state = form.text("state", most: 128)
            $0.address.country = form.text("country", most: 128)
            $0.creditCard.creditCardNumber = form.cardNumber("credit_card_number")
            $0.creditCard.creditCardExpirationMonth = form.number("credit_card_expiration_month", in: 1...12)
            $0.creditCard.creditCardExpirationYear = form.number("credit_card_expiration_year", in: 1...9999)
            $0.creditCard.creditCardCvv = form.number("credit_card_cvv", in: 1...9999)
        }
        try form.check()
        return order
    }

    private func setCurrency(_ request: Request, _ context: ShopContext) async throws -> Response {
        var form = try await Form(request)
        let code = form.currency("currency_code")
        try form.check()
        var response = redirect(to: request.headers[.referer] ?? site.baseURL + "/")
        response.setCookie(
            Cookie(name: SessionMiddleware.currencyCookie, value: code, maxAge: SessionMiddleware.cookieSeconds, path: "/"))
        return response
    }

    private func logout(_ request: Request) -> Response {
        var response = redirect(to: site.baseURL + "/")
        // All of them, also those that are not of the shop, such as one that a proxy routes by.
        for field in request.headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                let name = pair.prefix { $0 != "=" }.trimmingCharacters(in: .whitespaces)
                response.setCookie(Cookie(name: name, value: "", expires: Date(timeIntervalSince1970: 0), maxAge: -1, path: "/"))
            }
        }
        return response
    }

    private func productFacts(_ context: ShopContext) async throws -> Response {
        let product = try await shop.product(context.parameters.require("id"))
        return Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: try pages.facts(product))))
    }

    private func redirect(to place: String) -> Response {
        Response(status: .found, headers: [.location: place])
    }
}
