"""Population grids as files: Eurostat's in every form, tables with positions, secrets, and where a study ends."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from source_files import MOLS, finding, geojson, read, study_in, write

from geoklynge.errors import TableError
from geoklynge.sources import read_tables
from geoklynge.sources.cells import _centres
from geoklynge.sources.grid import _whole

# The numbers are made up, the fields are those of ESTAT_Census_2021_V3: Knebel, Vistoft, the hills between them, a cell
# that is secret, one in the Netherlands, and people whom Denmark could not place.
CENSUS = """GRD_ID,T,M,F,LAND_SURFACE,POPULATED,CNTR_ID
CRS3035RES1000mN3679000E4351000,700,350,350,1,1,DK
CRS3035RES1000mN3677000E4352000,120,60,60,1,1,DK
CRS3035RES1000mN3678000E4352000,17,9,8,1,1,DK
CRS3035RES1000mN3678000E4351000,-8888,-8888,-8888,1,1,DK
CRS3035RES1000mN3678000E4350000,0,0,0,1,0,DK
CRS3035RES1000mN3200000E4000000,900,450,450,1,1,NL
DK_unallocated,55,20,35,0,0,DK
"""
PEOPLE = {"CRS3035RES1000mN3677000E4352000": 120, "CRS3035RES1000mN3678000E4352000": 17,
          "CRS3035RES1000mN3679000E4351000": 700}  # fmt: skip


def census() -> pd.DataFrame:
    head, *lines = [line.split(",") for line in CENSUS.split()]
    return pd.DataFrame(lines, columns=head).astype({"T": int})


def people_in(tables) -> dict[str, int]:
    return dict(zip(tables.grid["cell_id"], tables.grid["people"].tolist(), strict=True))


def squares(ids: list[str]) -> list:
    corners = [id_.split("mN")[1].split("E") if "mN" in id_ else None for id_ in ids]
    return [None if at is None else shapely.box(*(int(at[k]) + d for d in (0, 1000) for k in (1, 0))) for at in corners]


def in_form(folder, form: str) -> str:
    """Write the census as a file of one form and give back its name."""
    rows, name = census(), f"grid.{form}"
    if form == "csv":
        return write(folder, name, CENSUS)
    if form == "parquet":
        pq.write_table(pa.Table.from_pandas(rows), folder / name)
        return name
    shaped = gpd.GeoDataFrame(rows, geometry=squares(rows["GRD_ID"].tolist()), crs=3035)
    if form == "geoparquet":
        shaped.to_parquet(folder / name)
    else:
        shaped.to_file(folder / name, layer="ESTAT_Census_2021_V3", driver="GPKG")
    return name


def test_a_study_without_a_grid_has_none(tmp_path):
    assert read(tmp_path).grid is None


@pytest.mark.parametrize("form", ["csv", "parquet", "geoparquet", "gpkg"])
def test_every_form_of_the_census_grid_gives_the_same_cells(tmp_path, form):
    tables = read(tmp_path, grid=in_form(tmp_path, form))
    assert people_in(tables) == PEOPLE
    middle = Transformer.from_crs(3035, tables.crs, always_xy=True).transform(4_352_500, 3_677_500)
    np.testing.assert_allclose(tables.grid.geometry.iloc[0].coords[0], middle, atol=1e-6)
    assert tables.grid.crs == tables.crs == 25832
    assert finding(tables, "grid_people_unknown") == 1
    # GDAL gives back nothing that has no shape: of people without a place a GeoPackage does not even tell
    assert finding(tables, "grid_without_position") == (0 if form == "gpkg" else 1)


def test_the_record_names_eurostat_unless_a_file_beside_says_otherwise(tmp_path):
    record = read(tmp_path, grid=in_form(tmp_path, "csv")).sources[-1]
    assert (record.path, record.table, record.rows) == ("grid.csv", "grid", 5)
    assert "Eurostat" in record.attribution
    write(tmp_path, "sources.toml", '["grid.csv"]\nattribution = "somebody else"\n')
    assert read(tmp_path, grid="grid.csv").sources[-1].attribution == "somebody else"


@pytest.mark.parametrize(
    ("field", "people"), [("OBS_VALUE_T", "17"), ("TOT_P_2021", "17"), ("TOT_P", "17"), ("people", "17")]
)
def test_people_stand_under_the_name_of_any_year(tmp_path, field, people):
    name = write(tmp_path, "grid.csv", f"GRD_ID,{field}\n1kmN3678E4352,{people}\n")
    assert people_in(read(tmp_path, grid=name)) == {"1kmN3678E4352": 17}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_quotes_semicolons_and_a_byte_order_mark_are_understood(tmp_path, encoding):
    text = '"CNTR_ID";"GRD_ID";"T"\r\n"DK";"1kmN3678E4352";"17"\r\n"DK";"1kmN3678E4351";""\r\n'
    tables = read(tmp_path, grid=write(tmp_path, "grid.csv", text, encoding))
    assert people_in(tables) == {"1kmN3678E4352": 17}
    assert finding(tables, "grid_people_unknown") == 1


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(TableError, match=r"grid\.csv"):
        read(tmp_path, grid=write(tmp_path, "grid.csv", ""))
    with pytest.raises(TableError, match="no cell"):
        read(tmp_path, grid=write(tmp_path, "grid.csv", "GRD_ID,T\n"))


def test_of_several_years_the_newest_counts(tmp_path):
    name = write(tmp_path, "grid.csv", "GRD_ID,TOT_P_2011,TOT_P_2021\n1kmN3678E4352,11,21\n")
    assert people_in(read(tmp_path, grid=name)) == {"1kmN3678E4352": 21}


def test_the_form_that_countries_deliver_has_a_row_a_statistic(tmp_path):
    rows = ["STAT,SPATIAL,OBS_VALUE,SPECIAL_VALUE", *(f"{stat},DK_CRS3035RES1000mN3678000E4352000,{n}," for stat, n in
            (("M", 9), ("T", 17), ("F", 8)))]  # fmt: skip
    name = write(tmp_path, "grid.csv", "\n".join([*rows, "T,DK_CRS3035RES1000mN3678000E4351000,,confidential"]))
    tables = read(tmp_path, grid=name)
    assert people_in(tables) == {"DK_CRS3035RES1000mN3678000E4352000": 17}
    assert finding(tables, "grid_people_unknown") == 1


def test_a_renamed_field_is_one_line_that_says_what_to_do(tmp_path, monkeypatch):
    name = write(tmp_path, "grid.csv", "GRD_ID,inhabitants_total\n1kmN3678E4352,17\n")
    with pytest.raises(TableError, match=r"grid\.csv: no field 'T' \(the people\).*fields\.people of eurostat_grid"):
        read(tmp_path, grid=name)
    change = tmp_path / "changes.toml"
    change.write_text('[eurostat_grid.fields]\npeople = "inhabitants_total"\n', encoding="utf-8")
    monkeypatch.setenv("GEOKLYNGE_OPEN_DATA", str(change))
    assert people_in(read(tmp_path, grid=name)) == {"1kmN3678E4352": 17}


def test_a_cell_on_a_border_is_told_by_both_countries(tmp_path):
    name = write(tmp_path, "grid.csv", "GRD_ID;TOT_P;CNTR_CODE\n1kmN3678E4352;17;DK\n1kmN3678E4352;5;SE\n")
    assert people_in(read(tmp_path, grid=name)) == {"1kmN3678E4352": 22}


def test_a_later_file_fills_the_gaps_of_an_earlier_one(tmp_path):
    first = write(tmp_path, "a.csv", "GRD_ID,T\n1kmN3678E4352,17\n1kmN3678E4351,-9999\n")
    second = write(tmp_path, "b.csv", "GRD_ID,T\n1kmN3678E4352,99\n1kmN3678E4351,4\n1kmN3677E4352,3\n")
    expected = {"1kmN3677E4352": 3, "1kmN3678E4352": 17, "1kmN3678E4351": 4}
    assert people_in(read(tmp_path, grid=[first, second])) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("GRD_ID,T\n1kmN3678E4352,17\n1kmN3678E4351,many\n", r"grid\.csv, row 2, column 'T': 'many' is not a number"),
        ("cell_id,x\n1kmN3678E4352,17\n", r"no column 'people'"),
        ("GRD_ID,T\n1kmN3200E4000,17\n", r"no cell lies in the study's area"),
        ("GRD_ID,T\nsomewhere,17\n", r"no row tells a cell"),
        ("GRD_ID,T\n1kmN3678E4352\n", r"cannot be read"),
    ],
)
def test_a_grid_that_cannot_be_used_is_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(TableError, match=said):
        read(tmp_path, grid=write(tmp_path, "grid.csv", text))


def test_a_file_that_is_none_is_refused(tmp_path):
    for name in ("grid.gpkg", "grid.parquet"):
        with pytest.raises(TableError, match="cannot be read"):
            read(tmp_path, grid=write(tmp_path, name, "nothing of the kind"))
    with pytest.raises(TableError, match="unknown kind of file"):
        read(tmp_path, grid=write(tmp_path, "grid.tif", "x"))
    with pytest.raises(TableError, match="no such file"):
        read(tmp_path, grid="nowhere.csv")


def test_points_with_people_are_read_and_parts_of_people_add_up(tmp_path):
    # as a raster of 100 m gives them
    rows = [f"{10.48 + k / 1000:.4f},56.214,0.4" for k in range(10)]
    tables = read(tmp_path, grid=write(tmp_path, "points.csv", "\n".join(["lon,lat,people", *rows])))
    assert tables.grid["people"].sum() == 4
    assert (tables.grid["people"] > 0).all()


def test_cells_as_areas_without_ids_count_at_their_middle(tmp_path):
    middle = (593_000, 6_231_000)
    square = shapely.box(middle[0] - 500, middle[1] - 500, middle[0] + 500, middle[1] + 500)
    name = geojson(tmp_path, "cells.geojson", {"cell_id": ["c1"], "people": [8]}, [square], 25832)
    tables = read(tmp_path, grid=name)
    assert people_in(tables) == {"c1": 8}
    assert tables.grid.geometry.iloc[0].distance(shapely.Point(middle)) < 1


def test_without_borders_only_cells_near_villages_of_the_study_count(tmp_path):
    head, *lines = MOLS.split()
    towns = {"agri": "0707", "roende": "0707"}  # Agri is a neighbour's: people nearer to it are not counted to Knebel
    rows = [f"{line},{towns.get(line.split(',')[0], '0706')}" for line in lines]
    write(tmp_path, "villages.csv", "\n".join([f"{head},municipality_id", *rows]))
    at_knebel, at_agri, far = (592_329, 6_230_906), (594_000, 6_232_400), (590_000, 6_227_000)
    grid = by_points(tmp_path, [at_knebel, at_agri, far])
    tables = read_tables(study_in(tmp_path, villages="villages.csv", only=("0706",), grid=grid))
    assert people_in(tables) == {"c0": 1}
    assert finding(tables, "grid_without_borders") == 2


def two_municipalities(folder) -> str:
    """A municipality of 10 km, another one east of it; sea all around."""
    west, east = (
        shapely.box(590_000, 6_220_000, 600_000, 6_230_000),
        shapely.box(600_000, 6_220_000, 610_000, 6_230_000),
    )
    rows = {"municipality_id": ["0706", "0707"], "name": ["Syddjurs", "Norddjurs"]}
    return geojson(folder, "kommuner.geojson", rows, [west, east], 25832)


def by_points(folder, points: list[tuple[float, float]]) -> str:
    rows = [f"c{k},{x},{y},{k + 1}" for k, (x, y) in enumerate(points)]
    return write(folder, "grid.csv", "\n".join(["cell_id,x,y,people", *rows]))


def test_a_cell_belongs_where_its_centre_lies_and_off_the_coast_to_the_nearest(tmp_path):
    to_degrees = Transformer.from_crs(25832, 4326, always_xy=True)
    homes = [to_degrees.transform(x, 6_225_000) for x in (595_000, 605_000)]
    villages = "village_id,name,lat,lon,population,kind\n" + "\n".join(
        f"v{k},Village {k},{lat},{lon},100,village" for k, (lon, lat) in enumerate(homes)
    )
    write(tmp_path, "villages.csv", villages)
    inside, across, at_sea, too_far = (
        (599_900, 6_225_000),
        (600_100, 6_225_000),
        (595_000, 6_230_600),
        (595_000, 6_230_800),
    )
    corner = (600_400, 6_230_500)  # off the coast, and nearer to the neighbour
    grid = by_points(tmp_path, [inside, across, at_sea, too_far, corner])
    study = study_in(
        tmp_path, villages="villages.csv", municipalities=two_municipalities(tmp_path), only=("0706",), grid=grid
    )
    assert people_in(read_tables(study)) == {"c0": 1, "c2": 3}
    everywhere = study_in(tmp_path, villages="villages.csv", municipalities="kommuner.geojson", grid=grid)
    assert people_in(read_tables(everywhere)) == {"c0": 1, "c1": 2, "c2": 3, "c4": 5}


CENTRES = {
    "CRS3035RES1000mN3497000E4321000": (4_321_500, 3_497_500),
    "1kmN3497E4321": (4_321_500, 3_497_500),
    "DK_CRS3035RES1000mN3497000E4321000": (4_321_500, 3_497_500),
    "10kmN349E432": (4_325_000, 3_495_000),
    "100mN34970E43210": (4_321_050, 3_497_050),
    "CRS3035RES200mN2529400E3919200": (3_919_300, 2_529_500),
    "CRS3035RES1000mN3497000E943000": (943_500, 3_497_500),
}


@pytest.mark.parametrize(("cell", "centre"), CENTRES.items())
def test_a_cell_id_tells_its_centre(cell, centre):
    x, y = _centres(pa.chunked_array([[cell]], type=pa.string()))
    assert (x[0], y[0]) == centre


@pytest.mark.parametrize(
    "text", ["", "DK_unallocated", "CRS3857RES1000mN3497000E4321000", "1kmN3497", "N3497E4321", None]
)
def test_other_texts_tell_no_centre(text):
    x, y = _centres(pa.chunked_array([[text, "1kmN3497E4321"]], type=pa.string()))
    assert np.isnan(x[0])
    assert np.isnan(y[0])
    assert np.isfinite(x[1])


@given(st.lists(st.floats(0, 1e4), max_size=50))
def test_rounding_keeps_the_sum(people):
    whole = _whole(np.array(people))
    assert (whole >= 0).all()
    assert abs(whole.sum() - sum(people)) <= 0.5 + 1e-6
    assert (np.abs(whole - people) <= 1 + 1e-6).all()
