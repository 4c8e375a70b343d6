import ProxyModel

extension ConfigPath {
    /// Reads a path as ``ConfigPath/description`` writes it; a piece that is none becomes a field.
    init(parsing text: String) {
        var path = ConfigPath()
        for part in text.split(separator: ".") {
            let pieces = part.split(separator: "[", omittingEmptySubsequences: true)
            for (position, piece) in pieces.enumerated() {
                if piece.hasSuffix("]") {
                    let inner = piece.dropLast()
                    if let index = Int(inner) {
                        path = path.index(index)
                    } else {
                        path = path.key(inner.trimmingQuotes)
                    }
                } else if position == 0 {
                    path = path.field(String(piece))
                }
            }
        }
        self = path
    }
}

extension Substring {
    fileprivate var trimmingQuotes: String {
        count >= 2 && hasPrefix("\"") && hasSuffix("\"") ? String(dropFirst().dropLast()) : String(self)
    }
}
