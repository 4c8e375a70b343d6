import Foundation

/// The files beside the tests.
enum Fixture {
    /// The text of a fixture.
    static func text(_ name: String) throws -> String {
        try String(contentsOf: url(name), encoding: .utf8)
    }

    /// The path of a fixture.
    static func path(_ name: String) throws -> String {
        try url(name).path
    }

    private static func url(_ name: String) throws -> URL {
        guard let folder = Bundle.module.resourceURL else { throw CocoaError(.fileNoSuchFile) }
        return folder.appendingPathComponent("Fixtures").appendingPathComponent(name)
    }
}
