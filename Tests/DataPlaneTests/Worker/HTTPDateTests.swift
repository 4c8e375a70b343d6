import Bytes
import Testing

@testable import DataPlane

struct HTTPDateTests {
    private func text(_ second: UInt64) -> String {
        var writer = ByteWriter()
        HTTPDate.append(second, to: &writer)
        return writer.text
    }

    @Test(
        "known dates",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (2_147_483_647, "Tue, 19 Jan 2038 03:14:07 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] as [(UInt64, String)])
    func known(second: UInt64, expected: String) {
        #expect(text(second) == expected)
    }

    @Test("every day from 1970 to 2106 follows the one before")
    func consecutive() throws {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        var (year, month, day) = (1970, 0, 1)
        for index in 0..<49_700 {
            let digits = day < 10 ? "0\(day)" : "\(day)"
            try #require(text(UInt64(index) * 86_400) == "\(days[index % 7]), \(digits) \(months[month]) \(year) 00:00:00 GMT")
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let length = month == 1 ? (isLeap ? 29 : 28) : [3, 5, 8, 10].contains(month) ? 30 : 31
            day += 1
            if day > length { (day, month) = (1, month + 1) }
            if month == 12 { (month, year) = (0, year + 1) }
        }
    }
}
