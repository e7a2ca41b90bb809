"""Bills."""
import time
from mlc_pipelines_tests.roads.tenancy import Tenancy

def test_a(tenancy: Tenancy) -> None:
    t=time.time()
    ref = tenancy.invoice("INV-1")
    print(tenancy.run("bills"), time.time()-t)
    print(tenancy.bill(ref), tenancy.proposal(ref))
    print(len(tenancy.ramp.journal.entries), len(tenancy.ifs.journal.entries))
    t=time.time(); tenancy.run("bills"); print(time.time()-t)
def test_b(tenancy: Tenancy) -> None:
    pass
