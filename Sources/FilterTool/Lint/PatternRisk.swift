/// Finds patterns that take more than a pass over their input: what a client sends can make them eat a script's budget.
enum PatternRisk {
    private struct Item {
        /// `.`, `%s`, `[^"]` or a character.
        let set: String
        /// 0 for exactly one, `?`, `*`, `+` or `-`.
        let count: Character?

        var isUnbounded: Bool { count == "*" || count == "+" || count == "-" }
    }

    /// Why a pattern is slow; nil when it is not.
    static func problem(_ pattern: String) -> String? {
        let isAnchored = pattern.hasPrefix("^")
        let items = items(isAnchored ? String(pattern.dropFirst()) : pattern)
        let endsAnchored = pattern.hasSuffix("$") && !pattern.hasSuffix("%$")
        if items.filter({ $0.isUnbounded && $0.set == "." }).count > 2 {
            return "three or more of \".*\", \".+\", \".-\" try every division of the text among them"
        }
        for (index, item) in items.enumerated() where item.isUnbounded && index + 1 < items.count {
            let next = items[index + 1]
            guard next.isUnbounded, overlap(item.set, next.set), item.set != next.set || item.count == "-" else { continue }
            let isLast = index + 2 == items.count
            // A last ".*" takes whatever is left, so that nothing is tried again.
            if isLast, !endsAnchored || next.set == "." { continue }
            return "\"\(item.set)\(item.count.map(String.init) ?? "")\" and \"\(next.set)\(next.count.map(String.init) ?? "")\" can take the same bytes, which a long run of them makes quadratic"
        }
        if !isAnchored, endsAnchored, items.first?.isUnbounded ?? false {
            return "it begins anywhere and ends at the end, so that a long run in the middle is quadratic; anchor it with \"^\" or look from the end"
        }
        return nil
    }

    /// What a pattern that is common and fine for short texts costs on a long one; nil when it is not such a pattern.
    static func remark(_ pattern: String) -> String? {
        let items = items(pattern)
        guard !pattern.hasPrefix("^"), let first = items.first, first.isUnbounded,
            items.dropFirst().contains(where: { ($0.count == nil || $0.count == "+") && $0.set != "." && $0.set != first.set })
        else { return nil }
        return "where what follows a long run of \"\(first.set)\" is missing, it is looked for from each of its bytes; anchor it with \"^\" or cut the text up first"
    }

    /// Whether something may be in both; unknown sets overlap.
    private static func overlap(_ left: String, _ right: String) -> Bool {
        if left == "." || right == "." || left == right { return true }
        // A set's complement, as in "[^=]*=*".
        if left.hasPrefix("[^"), !right.hasPrefix("["), right.count == 1 { return !left.contains(right) }
        return left.hasPrefix("[^") && right.hasPrefix("%")
    }

    private static func items(_ pattern: String) -> [Item] {
        var items: [Item] = []
        let characters = Array(pattern)
        var index = 0
        while index < characters.count {
            var set = String(characters[index])
            switch characters[index] {
            case "(", ")":
                index += 1
                continue
            case "$" where index == characters.count - 1:
                index += 1
                continue
            case "%":
                guard index + 1 < characters.count else { return items }
                let letter = characters[index + 1]
                set += String(letter)
                index += letter == "b" ? 4 : 2
                if letter == "f", index < characters.count, characters[index] == "[" { index = setEnd(characters, index) }
            case "[":
                let end = setEnd(characters, index)
                set = String(characters[index..<min(end, characters.count)])
                index = end
            default: index += 1
            }
            var count: Character?
            if index < characters.count, "*+-?".contains(characters[index]) {
                count = characters[index]
                index += 1
            }
            items.append(Item(set: set, count: count))
        }
        return items
    }

    private static func setEnd(_ characters: [Character], _ start: Int) -> Int {
        var index = start + 1
        if index < characters.count, characters[index] == "^" { index += 1 }
        if index < characters.count, characters[index] == "]" { index += 1 }
        while index < characters.count, characters[index] != "]" { index += characters[index] == "%" ? 2 : 1 }
        return index + 1
    }
}
