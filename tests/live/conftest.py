"""Tests against a real model run only if they are asked for by their mark."""


def pytest_collection_modifyitems(config, items):
    """Leave out what is marked `live_local`, unless `-m` names that mark."""
    if "live_local" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("live_local")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
