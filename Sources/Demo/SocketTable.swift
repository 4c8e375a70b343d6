/// The kernel's list of TCP connections, as /proc/net/tcp has it.
struct SocketTable {
    private static let established = "01"

    private let text: String

    init(text: String) {
        self.text = text
    }

    /// Connections that somebody has accepted at addresses 127.`second`.`third`.x and at which bytes wait to be read.
    ///
    /// - Parameter port: is left out, at whatever address.
    func unread(second: Int, third: Int, without port: Int) -> Int {
        text.split(separator: "\n").dropFirst().count { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == Self.established, fields[9] != "0",
                let local = Self.address(fields[1]), let waiting = fields[4].split(separator: ":").last
            else { return false }
            return local.second == second && local.third == third && local.port != port
                && waiting.contains { $0 != "0" }
        }
    }

    /// Reads `02012A7F:1F90`: four bytes, the last one first, and a port.
    private static func address(_ text: Substring) -> (second: Int, third: Int, port: Int)? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let bytes = UInt32(parts[0], radix: 16), let port = Int(parts[1], radix: 16) else {
            return nil
        }
        return (Int(bytes >> 8 & 0xff), Int(bytes >> 16 & 0xff), port)
    }
}
