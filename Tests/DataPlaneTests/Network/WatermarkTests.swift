import DataPlane
import Testing

struct WatermarkTests {
    @Test("above is told once when the mark is passed, below once when half of it is reached again")
    func crossings() {
        var mark = Watermark(high: 100)
        let levels = [0, 100, 101, 500, 101, 100, 51, 50, 0, 100, 101]
        let told = levels.map { mark.update($0) }
        #expect(told == [nil, nil, .above, nil, nil, nil, nil, .below, nil, nil, .above])
        #expect(mark.isAbove)
    }

    @Test("without a mark nothing is told, however much waits")
    func none() {
        var mark = Watermark(high: 0)
        #expect(mark.update(.max) == nil)
        #expect(!mark.isAbove)
    }

    @Test("a mark of one byte: the second byte is above, an empty buffer below")
    func one() {
        var mark = Watermark(high: 1)
        #expect([1, 2, 1, 0].map { mark.update($0) } == [nil, .above, nil, .below])
    }
}
