import ArgumentParser
import Foundation
import GRPCCore
import SwiftProtobuf

/// `hipstershop payment`
struct PaymentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "payment", abstract: "Charges cards (port 50051).")

    func run() async throws {
        let host = ServiceHost("PaymentService")
        let service = PaymentService(log: host.log, version: host.settings["SERVICE_VERSION"] ?? "v1")
        try await host.serve(port: 50051, [service])
    }
}

/// Looks whether a card could be charged, and says that it was.
struct PaymentService: Hipstershop_PaymentService.SimpleServiceProtocol {
    let log: ServiceLog
    let version: String

    func charge(request: Hipstershop_ChargeRequest, context: ServerContext) async throws -> Hipstershop_ChargeResponse {
        let card = request.creditCard
        if let reason = CardCheck(number: card.creditCardNumber).refusal(
            year: Int(card.creditCardExpirationYear), month: Int(card.creditCardExpirationMonth), now: Date())
        {
            // The original throws an error without a gRPC code, which callers see as UNKNOWN.
            throw RPCError(code: .unknown, message: reason)
        }
        let transaction = Chance.identifier()
        log.write(
            "charged",
            [
                "transaction": transaction, "currency": request.amount.currencyCode, "units": "\(request.amount.units)",
                "card": "…\(card.creditCardNumber.filter(\.isNumber).suffix(4))", "version": version,
            ])
        return .with { $0.transactionID = transaction }
    }
}

/// What the number of a card tells about it.
struct CardCheck {
    enum Kind: String { case visa, mastercard, other }

    private let digits: [Int]
    private let isPlain: Bool

    /// Takes the number with spaces and hyphens between its digits.
    init(number: String) {
        let plain = number.filter { $0 != " " && $0 != "-" }
        isPlain = plain.allSatisfy { $0.isASCII && $0.isNumber }
        digits = plain.compactMap(\.wholeNumberValue)
    }

    /// Whether the last digit is the one that the others ask for (Luhn).
    var isSound: Bool {
        guard isPlain, (12...19).contains(digits.count) else { return false }
        let sum = digits.reversed().enumerated().reduce(0) { sum, entry in
            let doubled = entry.offset % 2 == 1 ? entry.element * 2 : entry.element
            return sum + (doubled > 9 ? doubled - 9 : doubled)
        }
        return sum % 10 == 0
    }

    var kind: Kind {
        let leading = digits.prefix(4).reduce(0) { $0 * 10 + $1 }
        switch (digits.count, leading) {
        case (13, 4000...4999), (16, 4000...4999), (19, 4000...4999): return .visa
        case (16, 5100...5599), (16, 2221...2720): return .mastercard
        default: return .other
        }
    }

    /// Why the card cannot be charged; nil when it can.
    func refusal(year: Int, month: Int, now: Date) -> String? {
        guard isSound else { return "Credit card info is invalid" }
        guard kind != .other else { return "Sorry, we cannot process \(kind.rawValue) credit cards. Only VISA or MasterCard is accepted." }
        let today = Calendar(identifier: .gregorian).dateComponents(in: .gmt, from: now)
        guard let thisYear = today.year, let thisMonth = today.month, year * 12 + month >= thisYear * 12 + thisMonth else {
            return "Your credit card (ending \(digits.suffix(4).map(String.init).joined())) expired on \(month)/\(year)"
        }
        return nil
    }
}
