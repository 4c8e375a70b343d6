import ArgumentParser
import GRPCCore
import SwiftProtobuf

/// `hipstershop ad`
struct AdCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ad", abstract: "Puts in a word for a product (port 9555).")

    func run() async throws {
        try await ServiceHost("AdService").serve(port: 9555, [AdService()])
    }
}

struct AdService: Hipstershop_AdService.SimpleServiceProtocol {
    /// So many are shown to someone whose interests say nothing.
    static let withoutInterests = 2

    private static let all: [(category: String, ad: Hipstershop_Ad)] = [
        ("clothing", ad("66VCHSJNUP", "The tank top for warm days: this week two for one.")),
        ("accessories", ad("1YMWWN1N4O", "A watch that is right twice a day at least: half the price.")),
        ("footwear", ad("L9ECAV7KIM", "Loafers that walk by themselves: the second pair is free.")),
        ("hair", ad("2ZYFJ3GM2N", "Warm wind for cold mornings: hairdryers at a third off.")),
        ("decor", ad("0PUK6V6EV0", "A candle holder for long evenings: now a fifth off.")),
        ("kitchen", ad("9SIQT8TOJO", "Keep it in glass: bamboo jars at a tenth off.")),
        ("kitchen", ad("6E92ZMYYFZ", "A mug for every mood: buy two and get three.")),
    ]

    private static func ad(_ product: String, _ text: String) -> Hipstershop_Ad {
        .with {
            $0.redirectURL = "/product/\(product)"
            $0.text = text
        }
    }

    func getAds(request: Hipstershop_AdRequest, context: ServerContext) async throws -> Hipstershop_AdResponse {
        let wanted = Set(request.contextKeys)
        let fitting = Self.all.filter { wanted.contains($0.category) }.map(\.ad)
        let ads = fitting.isEmpty ? (0..<Self.withoutInterests).compactMap { _ in Chance.element(of: Self.all)?.ad } : fitting
        return .with { $0.ads = ads }
    }
}
