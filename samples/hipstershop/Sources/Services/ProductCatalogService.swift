import ArgumentParser
import Foundation
import GRPCCore
import SwiftProtobuf

/// `hipstershop productcatalog`
struct ProductCatalogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "productcatalog", abstract: "Knows what the shop sells (port 3550).")

    func run() async throws {
        var host = ServiceHost("ProductCatalogService")
        let catalog = try ProductCatalog()
        host.runBeside(CatalogSignals(catalog: catalog, log: host.log))
        try await host.serve(port: 3550, [ProductCatalogService(catalog: catalog)])
    }
}

struct ProductCatalogService: Hipstershop_ProductCatalogService.SimpleServiceProtocol {
    let catalog: ProductCatalog

    func listProducts(request: Hipstershop_Empty, context: ServerContext) async throws -> Hipstershop_ListProductsResponse {
        let products = try catalog.products()
        return .with { $0.products = products }
    }

    func getProduct(request: Hipstershop_GetProductRequest, context: ServerContext) async throws -> Hipstershop_Product {
        guard let product = try catalog.products().first(where: { $0.id == request.id }) else {
            throw RPCError(code: .notFound, message: "no product with ID \(request.id)")
        }
        return product
    }

    func searchProducts(request: Hipstershop_SearchProductsRequest, context: ServerContext) async throws
        -> Hipstershop_SearchProductsResponse
    {
        let query = request.query.lowercased()
        let products = try catalog.products()
        return .with { response in
            response.results = products.filter {
                query.isEmpty || $0.name.lowercased().contains(query) || $0.description_p.lowercased().contains(query)
            }
        }
    }
}
