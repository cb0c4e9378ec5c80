from lumo_graph.executors.output import Capture


def test_short_output_is_kept_whole_and_shown_at_once():
    capture = Capture()
    assert capture.add(b"one\n") == "one\n"
    assert capture.add(b"two") == "two"
    assert capture.text() == "one\ntwo"


def test_a_character_cut_in_two_is_one_character():
    capture = Capture()
    first, second = "é".encode()[:1], "é".encode()[1:]
    assert capture.add(first) == ""
    assert capture.add(second) == "é"


def test_half_a_character_at_the_end_is_marked():
    capture = Capture()
    capture.add(b"a\xc3")
    assert capture.text() == "a�"


def test_the_middle_of_long_output_is_counted():
    capture = Capture()
    capture.add(b"h" * 100_000)
    for _ in range(50):
        assert capture.add(b"m" * 60_000) == ""
    capture.add(b"end")
    text = capture.text()
    assert text.startswith("h" * 100_000 + "\n... [2900003 characters left out] ...\n")
    assert text.endswith("mend")
    assert len(text) == 200_000 + len("\n... [2900003 characters left out] ...\n")
