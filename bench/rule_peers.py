"""The same rules one by one: `rule-engine`, and a compiled decision table of `zen-engine`.

The table has an index of its own over columns of equal values: where every rule asks for a channel
that the request does not have, it looks at no text at all and takes a tenth of a millisecond.

Run by `bench.rules` in a virtual environment of its own (`bench/peers.lock`). Reads one JSON object
from stdin ({conditions, documents, winners}), prints the seconds of CPU of a decision of each.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import rule_engine
import zen

Winner = Callable[[Mapping[str, Any]], int]


def by_rule_engine(conditions: list[dict[str, Any]]) -> Winner:
    """The first rule that matches, in a loop."""
    rules = [rule_engine.Rule(_expression(when)) for when in conditions]

    def winner(document: Mapping[str, Any]) -> int:
        flat = {**document, "product": document["attributes"]["product"]}
        return next(number for number, rule in enumerate(rules) if rule.matches(flat))

    return winner


def _expression(when: Mapping[str, Any]) -> str:
    if "attributes" in when:
        channels = " or ".join(f'channel == "{one}"' for one in when["channel"])
        return f'product == "{when["attributes"]["product"]}" and ({channels})'
    if "regex" in when["text"]:
        pattern = when["text"]["regex"].replace("\\", "\\\\")
        return f'text =~~ "{pattern}"'
    return " or ".join(f'"{word}" in text' for word in when["text"]["keywords"])


def by_zen(conditions: list[dict[str, Any]]) -> Winner:
    """The first row of a decision table that holds."""
    rows = [{**_row(when), "number": str(number)} for number, when in enumerate(conditions)]
    rows = [{**row, "_id": f"row{number}"} for number, row in enumerate(rows)]
    table = {
        "hitPolicy": "first",
        "rules": rows,
        "inputs": [
            {"id": "text", "name": "text", "field": "text"},
            {"id": "channel", "name": "channel", "field": "channel"},
            {"id": "product", "name": "product", "field": "attributes.product"},
        ],
        "outputs": [{"id": "number", "name": "number", "field": "number"}],
    }
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "position": {"x": 0, "y": 0}},
        {
            "id": "table",
            "type": "decisionTableNode",
            "name": "table",
            "position": {"x": 1, "y": 0},
            "content": table,
        },
        {"id": "out", "type": "outputNode", "name": "out", "position": {"x": 2, "y": 0}},
    ]
    edges = [
        {"id": "a", "type": "edge", "sourceId": "in", "targetId": "table"},
        {"id": "b", "type": "edge", "sourceId": "table", "targetId": "out"},
    ]
    content = zen.ZenDecisionContent(json.dumps({"nodes": nodes, "edges": edges}))
    decision = zen.ZenEngine().create_decision(content)
    return lambda document: int(decision.evaluate(document)["result"]["number"])


def _row(when: Mapping[str, Any]) -> dict[str, str]:
    row = {"text": "", "channel": "", "product": ""}
    if "attributes" in when:
        row["product"] = f'"{when["attributes"]["product"]}"'
        row["channel"] = ", ".join(f'"{one}"' for one in when["channel"])
    elif "regex" in when["text"]:
        row["text"] = f"matches($, {json.dumps(when['text']['regex'])})"
    else:
        words = (
            f"contains($, {json.dumps(word, ensure_ascii=False)})"
            for word in when["text"]["keywords"]
        )
        row["text"] = " or ".join(words)
    return row


def main() -> None:
    """Time each over the documents, after one to warm up; each must find the same winners."""
    given = json.load(sys.stdin)
    expected = [int(re.sub(r"\D", "", one)) for one in given["winners"]]
    found = {}
    for name, make in {"rule-engine": by_rule_engine, "zen-engine": by_zen}.items():
        winner = make(given["conditions"])
        winner(given["documents"][0])
        began = time.process_time()
        winners = [winner(document) for document in given["documents"]]
        found[name] = (time.process_time() - began) / len(winners)
        assert winners == expected, name
    print(json.dumps(found))


if __name__ == "__main__":
    main()
