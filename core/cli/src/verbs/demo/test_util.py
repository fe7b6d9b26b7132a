from util import chunks, mean, slug


def test_mean():
    assert mean([1, 2, 3]) == 2
    assert mean([]) == 0.0


def test_chunks():
    assert chunks([1, 2, 3], 2) == [[1, 2], [3]]


def test_slug():
    assert slug("Hello, World!") == "hello-world"
