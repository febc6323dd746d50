"""The document is there for whoever writes an app."""


async def test_anybody_may_read_and_keep_the_document(house):
    async with house.http.get(f"{house.base_url}/phone/openapi.json") as response:
        served = await response.json()

    assert response.status == 200
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "public, max-age=3600"
    assert served["servers"] == [{"url": house.base_url}]


async def test_the_document_tells_of_itself(house):
    async with house.http.get(f"{house.base_url}/phone/openapi.json") as response:
        served = await response.json()

    assert "/phone/openapi.json" in served["paths"]
