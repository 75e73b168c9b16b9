using System.Net;
using System.Text;
using Gatehouse.Gateway.Forwarding.Http1;
using Gatehouse.Gateway.Lane;
using Gatehouse.Tests.Gateway.Strictness;
using Gatehouse.Tests.Gateway.Transport;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Tests.Gateway;

/// <summary>Requests that are served without the server behind, and what happens where the two meet.</summary>
public sealed class LaneTests
{
    private const string Get = "GET /petstore/1.0.0/x HTTP/1.1\r\nHost: a\r\n";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_connection_leaves_the_lane_with_its_first_body_and_every_request_has_its_own_answer()
    {
        await using var backend = new Backend(
            (request, stream) =>
                Backend.ReplyAsync(stream, $"{request.Target} {Encoding.ASCII.GetString(request.Body)}")
        );
        await using var gateway = await StartAsync(backend);
        using var client = await ConnectAsync(gateway);

        // All at once, so that what is left of one read is the beginning of the next.
        await client.SendAsync(
            "GET /petstore/1.0.0/1 HTTP/1.1\r\nHost: a\r\n\r\n"
                + "GET /petstore/1.0.0/2 HTTP/1.1\r\nHost: a\r\n\r\n"
                + "POST /petstore/1.0.0/3 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
                + "GET /petstore/1.0.0/4 HTTP/1.1\r\nHost: a\r\n\r\n"
                + "GET /petstore/1.0.0/5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        );
        var answer = await client.ReadAsync();

        Assert.Equal([200, 200, 200, 200, 200], RawClient.Statuses(answer));
        Assert.Equal(["/1", "/2", "/3", "/4", "/5"], backend.Requests.Select(r => r.Target));
        string[] bodies = ["/1 ", "/2 ", "/3 body", "/4 ", "/5 "];
        var at = 0;
        Assert.All(bodies, body => Assert.True((at = answer.IndexOf(body, at, StringComparison.Ordinal)) > 0, body));
    }

    [Fact]
    public async Task Header_names_reach_the_backend_as_they_were_spelt()
    {
        Assert.SkipUnless(TestTransport.Loops is not null, "The lane is on loops.");
        await using var backend = new Backend();
        await using var gateway = await StartAsync(backend);

        await gateway.RawAsync(
            "GET /petstore/1.0.0/x HTTP/1.1\r\nHost: a\r\nuSER-aGENT: one\r\nX-Twice: 1\r\naccept: text/html\r\nx-tWICE: 2\r\n\r\n"
                + $"{Get}Connection: close\r\n\r\n"
        );

        // The server behind writes the names that it knows as the standard does: this one was served in the lane.
        var first = backend.Requests.First();
        Assert.Contains("\r\nuSER-aGENT: one\r\n", first.Head, StringComparison.Ordinal);
        Assert.Equal(["1", "2"], first.Headers("X-Twice"));
    }

    [Theory]
    [InlineData(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Odd: \u00e9\r\n\r\nhello",
        "GET"
    )]
    [InlineData("HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "GET")]
    [InlineData("HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", "DELETE")]
    [InlineData("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", "GET")]
    [InlineData("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", "GET")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "OPTIONS")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "HEAD")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD")]
    [InlineData(
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\noops",
        "GET"
    )]
    [InlineData("garbage\r\n\r\n", "GET")]
    public async Task An_answer_is_the_same_as_from_the_server_behind(string said, string method)
    {
        await using var backend = new Backend((_, stream) => Backend.WriteAsync(stream, said));
        await using var gateway = await StartAsync(backend, "GET /*", "HEAD /*", "DELETE /*", "OPTIONS /*");
        var request = $"{method} /petstore/1.0.0/x HTTP/1.1\r\nHost: a\r\nX-Request-Id: same\r\n";

        // The first never comes into the lane, because of its Connection.
        var behind = await gateway.RawAsync($"{request}Connection: close\r\n\r\n");
        using var client = await ConnectAsync(gateway);
        await client.SendAsync($"{request}\r\n");
        var served = await client.ReadAsync(text => IsWhole(text, method));

        Assert.Equal(Shape(behind), Shape(served));

        static bool IsWhole(string text, string method)
        {
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end < 0)
            {
                return false;
            }

            var head = text[..end];
            var body = text[(end + 4)..];
            var length = head.Split("\r\n")
                .FirstOrDefault(l => l.StartsWith("Content-Length:", StringComparison.Ordinal));
            return method == "HEAD"
                || !head.Contains("chunked", StringComparison.Ordinal)
                    && (length is null || body.Length >= int.Parse(length.Split(' ')[1], null))
                || body.EndsWith("0\r\n\r\n", StringComparison.Ordinal);
        }

        static string Shape(string answer)
        {
            var (head, body) = (answer.Split("\r\n\r\n", 2)[0], answer.Split("\r\n\r\n", 2)[1]);
            var lines = head.Split("\r\n");
            var fields = lines
                .Skip(1)
                .Where(l => l != "Connection: close")
                .Select(l =>
                    l.StartsWith("Date: ", StringComparison.Ordinal) && !l.Contains("2024", StringComparison.Ordinal)
                        ? "Date"
                        : l
                )
                .Order(StringComparer.Ordinal);
            return string.Join(
                '\n',
                [lines[0], .. fields, "", head.Contains("chunked", StringComparison.Ordinal) ? Joined(body) : body]
            );
        }

        // How a body is cut says nothing.
        static string Joined(string chunks)
        {
            var body = new StringBuilder();
            while (chunks.Length > 0)
            {
                var end = chunks.IndexOf("\r\n", StringComparison.Ordinal);
                var size = Convert.ToInt32(chunks[..end], 16);
                body.Append(chunks, end + 2, size);
                chunks = chunks[(end + size + 4)..];
                Assert.True(size > 0 || chunks.Length == 0);
            }

            return body.ToString();
        }
    }

    [Fact]
    public async Task An_answer_of_unknown_length_arrives_whole_whatever_its_pieces()
    {
        int[] sizes = [1, 15, 16, 255, 256, 4095, 4096, 4097, 65_534, 65_535, 65_536, 200_000];
        var whole = new StringBuilder();
        await using var backend = new Backend(
            async (_, stream) =>
            {
                await Backend.WriteAsync(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                foreach (var size in sizes)
                {
                    await Backend.WriteAsync(stream, $"{size:x}\r\n{new string((char)('a' + size % 26), size)}\r\n");
                }

                await Backend.WriteAsync(stream, "0\r\n\r\n");
            }
        );
        await using var gateway = await StartAsync(backend);
        Array.ForEach(sizes, size => whole.Append((char)('a' + size % 26), size));

        for (var i = 0; i < 3; i++)
        {
            using var answer = await gateway.GetAsync("/petstore/1.0.0/x");
            Assert.True(answer.Headers.TransferEncodingChunked);
            Assert.Equal(whole.ToString(), await answer.Content.ReadAsStringAsync(Cancel));
        }
    }

    [Fact]
    public async Task A_head_larger_than_one_read_and_a_head_in_pieces_are_served()
    {
        await using var backend = new Backend();
        await using var gateway = await StartAsync(backend);
        var cookie = new string('c', 9000);
        using var client = await ConnectAsync(gateway);

        await client.SendAsync($"{Get}\r\n");
        await client.ReadAsync(text => text.EndsWith("hello", StringComparison.Ordinal));
        await client.SendAsync($"{Get}Cookie: {cookie}\r\n\r\n");
        await client.ReadAsync(text => text.EndsWith("hello", StringComparison.Ordinal));
        await client.SendAsync($"{Get}X-Slow: yes\r\nConnection: close\r\n\r\n", pieceLength: 7);
        var last = await client.ReadAsync();

        Assert.Equal([200], RawClient.Statuses(last));
        Assert.Equal([null, cookie, null], backend.Requests.Select(r => r.Header("Cookie")));
        Assert.Equal("yes", backend.Requests.Last().Header("X-Slow"));
    }

    [Fact]
    public async Task A_connection_that_asks_no_more_is_closed_without_a_word()
    {
        await using var backend = new Backend();
        await using var gateway = await StartAsync(backend);
        await gateway.Listeners.ApplyAsync(
            [TestGateway.Plain() with { Limits = new() { KeepAlive = TimeSpan.FromSeconds(5) } }],
            Cancel
        );
        using var idle = await ConnectAsync(gateway);
        await idle.SendAsync($"{Get}\r\n");

        var said = await idle.ReadAsync();

        Assert.Equal([200], RawClient.Statuses(said));
        Assert.EndsWith("hello", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_caller_that_goes_ends_its_request_at_the_backend()
    {
        var gone = new TaskCompletionSource();
        var asked = new TaskCompletionSource();
        await using var backend = new Backend(
            async (_, stream) =>
            {
                asked.SetResult();
                try
                {
                    await stream.ReadAsync(new byte[1]);
                }
                catch (IOException)
                {
                    // Cut, not closed.
                }

                gone.SetResult();
            }
        );
        await using var gateway = await StartAsync(backend);
        using (var client = await ConnectAsync(gateway))
        {
            await client.SendAsync($"{Get}\r\n");
            await asked.Task.WaitAsync(s_patience, Cancel);
        }

        await gone.Task.WaitAsync(s_patience, Cancel);
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        bounded.CancelAfter(s_patience);
        while (gateway.Engine.InFlight > 0)
        {
            await Task.Delay(5, bounded.Token);
        }
    }

    [Fact]
    public async Task An_answer_that_breaks_off_breaks_the_connection_off()
    {
        await using var backend = new Backend(
            async (request, stream) =>
            {
                await Backend.WriteAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf");
                request.ClosesAfter = true;
            }
        );
        await using var gateway = await StartAsync(backend);
        using var client = await ConnectAsync(gateway);
        await client.SendAsync($"{Get}\r\n{Get}\r\n");

        // No second answer follows half of the first.
        Assert.InRange(RawClient.Statuses(await client.ReadAsync()).Length, 0, 1);
    }

    [Fact]
    public void A_list_of_headers_behaves_as_the_frameworks_dictionary_does()
    {
        var random = new Random(20261130);
        string[] names =
        [
            "Host",
            "host",
            "Accept",
            "X-A",
            "x-a",
            "X-B",
            "Content-Length",
            "content-length",
            "Date",
            "Cookie",
        ];
        for (var round = 0; round < 200; round++)
        {
            IHeaderDictionary ours = new HeaderList(checks: true);
            IHeaderDictionary theirs = new HeaderDictionary();
            for (var step = 0; step < 60; step++)
            {
                var name = names[random.Next(names.Length)];
                var value = new StringValues(
                    name.StartsWith("content", StringComparison.OrdinalIgnoreCase) || random.Next(3) > 0
                        ? [$"{random.Next(100)}"]
                        : ["one", "two"]
                );
                switch (random.Next(5))
                {
                    case 0:
                        Assert.Equal(theirs.Remove(name), ours.Remove(name));
                        break;
                    case 1:
                        ours.ContentLength = theirs.ContentLength = random.Next(2) == 0 ? null : random.Next(100);
                        break;
                    case 2 when random.Next(10) == 0:
                        ours.Clear();
                        theirs.Clear();
                        break;
                    case 3 when random.Next(4) == 0:
                        ours[name] = theirs[name] = StringValues.Empty;
                        break;
                    default:
                        ours[name] = theirs[name] = value;
                        break;
                }

                var asked = names[random.Next(names.Length)];
                Assert.Equal(theirs[asked].ToArray(), ours[asked].ToArray());
                Assert.Equal(theirs.ContainsKey(asked), ours.ContainsKey(asked));
                Assert.Equal(theirs.ContentLength, ours.ContentLength);
                Assert.Equal(theirs.Count, ours.Count);
                Assert.Equal(Sorted(theirs), Sorted(ours));
            }
        }

        static IEnumerable<string> Sorted(IHeaderDictionary headers) =>
            headers.Select(h => $"{h.Key.ToLowerInvariant()}: {h.Value}").Order(StringComparer.Ordinal);
    }

    [Theory]
    [InlineData("X-A", "a\r\nb")]
    [InlineData("X-A", "a\0")]
    [InlineData("X A", "a")]
    [InlineData("", "a")]
    [InlineData("Content-Length", "+4")]
    [InlineData("Content-Length", "4, 4")]
    public void What_would_break_a_head_is_not_taken_into_an_answers_headers(string name, string value) =>
        Assert.Throws<InvalidOperationException>(() => new HeaderList(checks: true)[name] = value);

    [Fact]
    public void A_list_that_is_read_again_holds_nothing_of_the_message_before()
    {
        var headers = new HeaderList(checks: false);
        headers.BeginReading();
        headers.Read("Authorization"u8, "secret"u8);
        headers.Read("X-A"u8, "1"u8);
        headers.Read("x-a"u8, "2"u8);
        headers.EndReading();
        var first = headers["Authorization"][0];
        Assert.Equal(["1", "2"], headers["X-A"].ToArray());

        headers.BeginReading();
        headers.Read("Authorization"u8, "secret"u8);
        headers.EndReading();
        Assert.Same(first, headers["Authorization"][0]);
        Assert.Single(headers);
        Assert.False(headers.ContainsKey("X-A"));

        headers.BeginReading();
        headers.Read("X-B"u8, ""u8);
        headers.EndReading();
        Assert.False(headers.ContainsKey("Authorization"));
        Assert.Equal(["X-B"], headers.Keys);
    }

    [Fact]
    public void What_was_taken_off_a_message_is_known_when_the_next_one_says_it_again()
    {
        var headers = new HeaderList(checks: false);
        string?[] Read(string key, params string[] taken)
        {
            headers.BeginReading();
            headers.Read("Host"u8, "a.test"u8);
            headers.Read("X-Key"u8, Encoding.ASCII.GetBytes(key));
            headers.Read("Authorization"u8, "Bearer 1"u8);
            headers.Read("Accept"u8, "*/*"u8);
            headers.EndReading();
            Assert.Equal(["Host", "X-Key", "Authorization", "Accept"], headers.Keys);
            string?[] said = [.. headers.Select(h => h.Value[0])];
            headers["X-Added"] = "by a policy";
            foreach (var name in taken)
            {
                Assert.True(headers.Remove(name));
                Assert.False(headers.ContainsKey(name));
            }

            return said;
        }

        var first = Read("secret one", "authorization", "X-Key");
        var second = Read("secret one", "X-Key", "X-Added", "Authorization");
        Assert.All(first.Zip(second), pair => Assert.Same(pair.First, pair.Second));

        var third = Read("secret two", "X-Key");
        Assert.Equal(["a.test", "secret two", "Bearer 1", "*/*"], third);
        Assert.Same(first[2], third[2]);

        ((IHeaderDictionary)headers).Clear();
        Assert.Equal(["a.test", "secret two", "Bearer 1", "*/*"], Read("secret two"));
    }

    [Fact]
    public void A_text_is_that_of_the_bytes_when_all_of_it_is()
    {
        var random = new Random(7);
        for (var length = 0; length < 70; length++)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            var text = Encoding.Latin1.GetString(bytes);
            Assert.True(Latin.IsText(bytes, text));
            Assert.False(Latin.IsText(bytes, text + "x"));
            for (var i = 0; i < length; i++)
            {
                Assert.False(Latin.IsText(bytes, $"{text[..i]}{(char)(text[i] ^ 1)}{text[(i + 1)..]}"));
                Assert.False(Latin.IsText(bytes, $"{text[..i]}{(char)(text[i] | 0x100)}{text[(i + 1)..]}"));
            }
        }
    }

    private static async Task<TestGateway> StartAsync(Backend backend, params string[] operations)
    {
        var gateway = await TestGateway.StartAsync(new() { Node = "w1" });
        gateway.Run(
            (operations.Length == 0 ? Entities.Petstore(backend.Url) : Entities.Petstore(backend.Url, operations)).Put()
        );
        return gateway;
    }

    private static Task<RawClient> ConnectAsync(TestGateway gateway) =>
        RawClient.ConnectAsync(new(IPAddress.Loopback, gateway.Port));
}
