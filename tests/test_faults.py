"""A fault says where, what, why and how to mend it."""

from scchelpers.faults import Fault


def test_fault_text_names_file_row_field_value_rule_and_remedy():
    fault = Fault("sites.csv", 3, "dsc_kva", "-5", "must be 0 kVA or more", "correct it")
    assert str(fault) == "sites.csv, row 3, dsc_kva = '-5': must be 0 kVA or more → correct it"
