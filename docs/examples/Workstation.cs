// A workstation in C#: .NET 8 or later, and no package.
//
//     using var workstation = new Workstation(issuer, clientId, File.ReadAllText("key.pem"));
//     var started = await workstation.StartAsync("uzi:900001234", workstationId: "ws-1", name: "Balie 1");
//     ShowCode(started.BindingCode);
//     var claims = await workstation.WaitAsync(started, hint => ShowHint(hint), cancellation);
//     LogIn(claims.GetProperty("uzi_number").GetString());
//
// The key is P-256 in PKCS #8 PEM; the server has its public half.

#nullable enable

using System;
using System.Collections.Generic;
using System.Net.Http;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading;
using System.Threading.Tasks;

public sealed record Started(
    [property: JsonPropertyName("auth_req_id")] string AuthReqId,
    [property: JsonPropertyName("binding_code")] string BindingCode,
    [property: JsonPropertyName("expires_in")] int ExpiresIn,
    [property: JsonPropertyName("interval")] int Interval = 5);

/// <summary>The server says no: Error is the standard's name, Reason says who said it.</summary>
public sealed class RefusedException(string error, string? reason, string? words)
    : Exception(words ?? error)
{
    public string Error { get; } = error;
    public string? Reason { get; } = reason;
}

public sealed class UntrustedTokenException(string what) : Exception(what);

public sealed class Workstation : IDisposable
{
    private const string AuthReqIdClaim = "urn:openid:params:jwt:claim:auth_req_id";
    private const string GrantType = "urn:openid:params:grant-type:ciba";
    private const string AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    private readonly string issuer;
    private readonly string clientId;
    private readonly ECDsa key = ECDsa.Create();
    private readonly HttpClient http = new(new HttpClientHandler { AllowAutoRedirect = false })
    {
        // A held call takes up to 25 seconds.
        Timeout = TimeSpan.FromSeconds(55),
    };
    private JsonElement? metadata;

    public Workstation(string issuer, string clientId, string pem)
    {
        this.issuer = issuer;
        this.clientId = clientId;
        key.ImportFromPem(pem);
    }

    /// <summary>Ask for a person; show the code to who sits here.</summary>
    public async Task<Started> StartAsync(
        string loginHint, string workstationId, string name, string location = "",
        string? ura = null, CancellationToken cancellation = default)
    {
        var form = new Dictionary<string, string>
        {
            ["scope"] = "openid uzi",
            ["login_hint"] = loginHint,
            ["request_context"] = JsonSerializer.Serialize(new Dictionary<string, string>
            {
                ["workstation_id"] = workstationId,
                ["workstation"] = name,
                ["location"] = location,
            }),
        };
        if (ura is not null) form["ura"] = ura;
        var endpoint = await EndpointAsync("backchannel_authentication_endpoint", cancellation);
        var (ok, answer) = await PostAsync(endpoint, form, held: false, cancellation);
        if (!ok) throw Refusal(answer);
        return answer.Deserialize<Started>() ?? throw new JsonException("no request");
    }

    /// <summary>Wait for the answer: the claims of the verified assertion.</summary>
    /// <param name="told">Hears "open_the_app" while no phone has fetched it, and "" after it.</param>
    public async Task<JsonElement> WaitAsync(
        Started started, Action<string>? told = null, CancellationToken cancellation = default)
    {
        var endpoint = await EndpointAsync("token_endpoint", cancellation);
        var interval = TimeSpan.FromSeconds(started.Interval);
        var form = new Dictionary<string, string>
        {
            ["grant_type"] = GrantType,
            ["auth_req_id"] = started.AuthReqId,
        };
        while (true)
        {
            var next = DateTime.UtcNow + interval;
            var (ok, answer) = await PostAsync(endpoint, form, held: true, cancellation);
            if (ok)
            {
                var token = Text(answer, "id_token") ?? throw new JsonException("no id_token");
                return await ClaimsAsync(token, started.AuthReqId, cancellation);
            }
            switch (Text(answer, "error"))
            {
                case "authorization_pending":
                    told?.Invoke(Text(answer, "hint") ?? "");
                    break;
                case "slow_down":
                    interval += TimeSpan.FromSeconds(5);
                    next += TimeSpan.FromSeconds(5);
                    break;
                default:
                    throw Refusal(answer);
            }
            // After a call that was held that long the next follows at once.
            var pause = next - DateTime.UtcNow;
            if (pause > TimeSpan.Zero) await Task.Delay(pause, cancellation);
        }
    }

    public void Dispose()
    {
        http.Dispose();
        key.Dispose();
    }

    /// <summary>Check the assertion: whose, for whom, until when, for which request.</summary>
    private async Task<JsonElement> ClaimsAsync(
        string token, string authReqId, CancellationToken cancellation)
    {
        var parts = token.Split('.');
        if (parts.Length != 3) throw new UntrustedTokenException("no token");
        var head = FromPart(parts[0]);
        if (Text(head, "alg") != "ES256") throw new UntrustedTokenException("another algorithm");
        var keys = await GetAsync(await EndpointAsync("jwks_uri", cancellation), cancellation);
        using var known = KeyOf(keys, Text(head, "kid"));
        var signed = Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}");
        if (!known.VerifyData(signed, Bytes(parts[2]), HashAlgorithmName.SHA256))
            throw new UntrustedTokenException("a signature that does not verify");
        var claims = FromPart(parts[1]);
        if (Text(claims, "iss") != issuer) throw new UntrustedTokenException("another issuer");
        if (Text(claims, "aud") != clientId) throw new UntrustedTokenException("another client");
        if (claims.GetProperty("exp").GetInt64() < DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 5)
            throw new UntrustedTokenException("over");
        if (Text(claims, AuthReqIdClaim) != authReqId)
            throw new UntrustedTokenException("the answer to another request");
        return claims;
    }

    private static ECDsa KeyOf(JsonElement set, string? kid)
    {
        foreach (var each in set.GetProperty("keys").EnumerateArray())
        {
            if (kid is null || Text(each, "kid") != kid || Text(each, "crv") != "P-256") continue;
            return ECDsa.Create(new ECParameters
            {
                Curve = ECCurve.NamedCurves.nistP256,
                Q = new ECPoint { X = Bytes(Text(each, "x")!), Y = Bytes(Text(each, "y")!) },
            });
        }
        throw new UntrustedTokenException("a key that the server does not have");
    }

    private async Task<string> EndpointAsync(string name, CancellationToken cancellation)
    {
        if (metadata is null)
        {
            var url = $"{issuer}/.well-known/openid-configuration";
            var read = await GetAsync(url, cancellation);
            if (Text(read, "issuer") != issuer)
                throw new UntrustedTokenException("the metadata of another issuer");
            metadata = read;
        }
        return Text(metadata.Value, name) ?? throw new JsonException($"no {name}");
    }

    private async Task<JsonElement> GetAsync(string url, CancellationToken cancellation)
    {
        using var answer = await http.GetAsync(url, cancellation);
        answer.EnsureSuccessStatusCode();
        return await ReadAsync(answer, cancellation);
    }

    private async Task<(bool Ok, JsonElement Answer)> PostAsync(
        string url, Dictionary<string, string> form, bool held, CancellationToken cancellation)
    {
        form["client_assertion_type"] = AssertionType;
        form["client_assertion"] = Assertion();
        using var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Content = new FormUrlEncodedContent(form),
        };
        if (held) request.Headers.Add("Prefer", "wait=25");
        using var answer = await http.SendAsync(request, cancellation);
        return (answer.IsSuccessStatusCode, await ReadAsync(answer, cancellation));
    }

    private static async Task<JsonElement> ReadAsync(
        HttpResponseMessage answer, CancellationToken cancellation)
    {
        await using var body = await answer.Content.ReadAsStreamAsync(cancellation);
        using var document = await JsonDocument.ParseAsync(body, default, cancellation);
        return document.RootElement.Clone();
    }

    private string Assertion()
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var claims = new Dictionary<string, object>
        {
            ["iss"] = clientId,
            ["sub"] = clientId,
            ["aud"] = issuer,
            ["jti"] = Guid.NewGuid().ToString(),
            ["iat"] = now,
            ["exp"] = now + 60,
        };
        var head = new Dictionary<string, object> { ["alg"] = "ES256" };
        var signed = $"{ToPart(head)}.{ToPart(claims)}";
        var signature = key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256);
        return $"{signed}.{Part(signature)}";
    }

    private static RefusedException Refusal(JsonElement answer) => new(
        Text(answer, "error") ?? "refused",
        Text(answer, "reason"),
        Text(answer, "error_description"));

    private static string? Text(JsonElement of, string name) =>
        of.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static JsonElement FromPart(string part) =>
        JsonSerializer.Deserialize<JsonElement>(Bytes(part));

    private static string ToPart(object value) => Part(JsonSerializer.SerializeToUtf8Bytes(value));

    private static string Part(byte[] bytes) =>
        Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    private static byte[] Bytes(string part)
    {
        var text = part.Replace('-', '+').Replace('_', '/');
        return Convert.FromBase64String(text.PadRight(text.Length + (4 - text.Length % 4) % 4, '='));
    }
}
