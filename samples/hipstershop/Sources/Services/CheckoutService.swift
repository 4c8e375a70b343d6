import ArgumentParser
import Foundation
import GRPCCore
import SwiftProtobuf

/// `hipstershop checkout`
struct CheckoutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkout", abstract: "Makes an order of a cart (port 5050).")

    func run() async throws {
        var host = ServiceHost("CheckoutService")
        let service = CheckoutService(
            catalog: .init(wrapping: try host.client("PRODUCT_CATALOG_SERVICE_ADDR")),
            shipping: .init(wrapping: try host.client("SHIPPING_SERVICE_ADDR")),
            payment: .init(wrapping: try host.client("PAYMENT_SERVICE_ADDR")),
            email: .init(wrapping: try host.client("EMAIL_SERVICE_ADDR")),
            currency: .init(wrapping: try host.client("CURRENCY_SERVICE_ADDR")),
            cart: .init(wrapping: try host.client("CART_SERVICE_ADDR")), log: host.log)
        try await host.serve(port: 5050, [service])
    }
}

/// The one service that needs six others.
struct CheckoutService: Hipstershop_CheckoutService.SimpleServiceProtocol {
    typealias Transport = NeighbourTransport

    let catalog: Hipstershop_ProductCatalogService.Client<Transport>
    let shipping: Hipstershop_ShippingService.Client<Transport>
    let payment: Hipstershop_PaymentService.Client<Transport>
    let email: Hipstershop_EmailService.Client<Transport>
    let currency: Hipstershop_CurrencyService.Client<Transport>
    let cart: Hipstershop_CartService.Client<Transport>
    let log: ServiceLog

    /// What an order costs, before it is paid for.
    private struct Preparation {
        var cart: [Hipstershop_CartItem] = []
        var items: [Hipstershop_OrderItem] = []
        var shipping = Money()
        var total = Money()
    }

    func placeOrder(request: Hipstershop_PlaceOrderRequest, context: ServerContext) async throws -> Hipstershop_PlaceOrderResponse {
        let prepared = try await failing(.internalError, "the order could not be prepared") { try await prepare(request) }
        let charge = try await failing(.internalError, "the card could not be charged") {
            try await payment.charge(
                .with {
                    $0.amount = prepared.total
                    $0.creditCard = request.creditCard
                })
        }
        log.write("charged", ["transaction": charge.transactionID])
        let shipment = try await failing(.unavailable, "the order could not be shipped") {
            try await shipping.shipOrder(
                .with {
                    $0.address = request.address
                    $0.items = prepared.cart
                })
        }
        let order = Hipstershop_OrderResult.with {
            $0.orderID = Chance.timeIdentifier(now: Date())
            $0.shippingTrackingID = shipment.trackingID
            $0.shippingCost = prepared.shipping
            $0.shippingAddress = request.address
            $0.items = prepared.items
        }
        await finish(order, of: request)
        return .with { $0.order = order }
    }

    /// Neither a cart that stays full nor a letter that is not written undoes an order.
    private func finish(_ order: Hipstershop_OrderResult, of request: Hipstershop_PlaceOrderRequest) async {
        do {
            _ = try await cart.emptyCart(.with { $0.userID = request.userID })
        } catch {
            log.write("the cart stays full", severity: .warning, ["order": order.orderID, "error": "\(error)"])
        }
        do {
            _ = try await email.sendOrderConfirmation(
                .with {
                    $0.email = request.email
                    $0.order = order
                })
        } catch {
            log.write("no confirmation", severity: .warning, ["order": order.orderID, "error": "\(error)"])
        }
    }

    private func prepare(_ request: Hipstershop_PlaceOrderRequest) async throws -> Preparation {
        var prepared = Preparation()
        prepared.cart = try await cart.getCart(.with { $0.userID = request.userID }).items
        prepared.total = .zero(request.userCurrency)
        for item in prepared.cart {
            let product = try await catalog.getProduct(.with { $0.id = item.productID })
            let price = try await convert(product.priceUsd, to: request.userCurrency)
            prepared.items.append(
                .with {
                    $0.item = item
                    $0.cost = price
                })
            prepared.total = try sum(prepared.total, price.times(item.quantity))
        }
        let quote = try await shipping.getQuote(
            .with {
                $0.address = request.address
                $0.items = prepared.cart
            })
        prepared.shipping = try await convert(quote.costUsd, to: request.userCurrency)
        prepared.total = try sum(prepared.total, prepared.shipping)
        return prepared
    }

    private func convert(_ amount: Money, to code: String) async throws -> Money {
        try await currency.convert(
            .with {
                $0.from = amount
                $0.toCode = code
            })
    }

    private func sum(_ left: Money, _ right: Money?) throws -> Money {
        guard let sum = right.flatMap(left.adding) else {
            throw RPCError(code: .outOfRange, message: "the amounts cannot be added")
        }
        return sum
    }

    private func failing<Value>(_ code: RPCError.Code, _ what: String, _ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch {
            let reason = (error as? RPCError)?.message ?? "\(error)"
            log.write(what, severity: .error, ["error": "\(error)"])
            throw RPCError(code: code, message: "\(what): \(reason)", cause: error)
        }
    }
}
