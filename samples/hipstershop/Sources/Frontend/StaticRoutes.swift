import HTTPTypes
import Hummingbird

/// Files as they are, all read at start, and the two paths that say what every site says.
struct StaticRoutes {
    private static let types = ["css": "text/css; charset=utf-8", "svg": "image/svg+xml", "jpg": "image/svg+xml"]

    func register(in routes: RouterGroup<ShopContext>) throws {
        routes.get("/_healthz") { _, _ in Self.plain("ok") }
        routes.get("/robots.txt") { _, _ in Self.plain("User-agent: *\nDisallow: /") }
        let files = try Assets.files(below: "static").mapValues { ByteBuffer(bytes: $0) }
        routes.get("/static/**") { _, context -> Response in
            let path = context.parameters.getCatchAll().joined(separator: "/")
            // The catalogue of the original names photographs; ours are drawings under the same names.
            let drawing = path.hasSuffix(".jpg") ? String(path.dropLast(3)) + "svg" : path
            guard let file = files[drawing] else { throw PageFailure(status: .notFound, reason: "no such file") }
            let type = path.split(separator: ".").last.flatMap { Self.types[String($0)] } ?? "application/octet-stream"
            return Response(
                status: .ok, headers: [.contentType: type, .cacheControl: "max-age=3600"], body: .init(byteBuffer: file))
        }
    }

    private static func plain(_ text: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8"], body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
