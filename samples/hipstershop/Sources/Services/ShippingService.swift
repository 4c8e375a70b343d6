import ArgumentParser
import GRPCCore
import SwiftProtobuf

/// `hipstershop shipping`
struct ShippingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "shipping", abstract: "Brings orders to people (port 50051).")

    func run() async throws {
        let names = [Hipstershop_ShippingService.descriptor, Grpc_Health_V1_Health.descriptor].map(\.fullyQualifiedService)
        try await ServiceHost("ShippingService").serve(port: 50051, [ShippingService(), try ReflectionService(services: names)])
    }
}

struct ShippingService: Hipstershop_ShippingService.SimpleServiceProtocol {
    func getQuote(request: Hipstershop_GetQuoteRequest, context: ServerContext) async throws -> Hipstershop_GetQuoteResponse {
        let count = request.items.reduce(Int64(0)) { $0 + Int64($1.quantity) }
        return .with { $0.costUsd = count > 0 ? Money("USD", units: 8, nanos: 990_000_000) : .zero("USD") }
    }

    func shipOrder(request: Hipstershop_ShipOrderRequest, context: ServerContext) async throws -> Hipstershop_ShipOrderResponse {
        let address = request.address
        let length = "\(address.streetAddress), \(address.city), \(address.state)".utf8.count
        return .with { $0.trackingID = Self.trackingIdentifier(length: length) }
    }

    /// Two letters, then twice a number of the address and random digits: `XX-<length><3>-<half><7>`.
    private static func trackingIdentifier(length: Int) -> String {
        func letter() -> String { String(Character(Unicode.Scalar(UInt8(65 + Chance.number(in: 0...24))))) }
        func digits(_ count: Int) -> String { (0..<count).map { _ in String(Chance.number(in: 0...9)) }.joined() }
        return "\(letter())\(letter())-\(length)\(digits(3))-\(length / 2)\(digits(7))"
    }
}
