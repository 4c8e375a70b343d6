import ArgumentParser
import GRPCCore
import SwiftProtobuf

/// `hipstershop recommendation`
struct RecommendationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recommendation", abstract: "Names products that may please as well (port 8080).")

    func run() async throws {
        var host = ServiceHost("RecommendationService")
        let catalog = try host.client("PRODUCT_CATALOG_SERVICE_ADDR")
        try await host.serve(port: 8080, [RecommendationService(catalog: .init(wrapping: catalog))])
    }
}

struct RecommendationService: Hipstershop_RecommendationService.SimpleServiceProtocol {
    /// As many as are named at most.
    static let most = 5

    let catalog: Hipstershop_ProductCatalogService.Client<NeighbourTransport>

    func listRecommendations(request: Hipstershop_ListRecommendationsRequest, context: ServerContext) async throws
        -> Hipstershop_ListRecommendationsResponse
    {
        let known = Set(request.productIds)
        let others = try await catalog.listProducts(Hipstershop_Empty()).products.map(\.id).filter { !known.contains($0) }
        return .with { $0.productIds = Array(Chance.shuffled(others).prefix(Self.most)) }
    }
}
