using System.Globalization;
using System.Text;

namespace Gatehouse.Gateway.Lane;

/// <summary>The header <c>Date</c> (RFC 9110 §6.6.1), made once a second.</summary>
internal static class DateLine
{
    private static Made s_made = new(0, []);

    /// <summary>The whole line.</summary>
    public static ReadOnlySpan<byte> Now
    {
        get
        {
            // A coarse clock that costs next to nothing tells when to look at the other.
            var second = Environment.TickCount64 / 1000;
            var made = Volatile.Read(ref s_made);
            if (made.Second != second)
            {
                made = new(
                    second,
                    Encoding.ASCII.GetBytes(
                        string.Create(CultureInfo.InvariantCulture, $"Date: {DateTimeOffset.UtcNow:R}\r\n")
                    )
                );
                Volatile.Write(ref s_made, made);
            }

            return made.Line;
        }
    }

    private sealed record Made(long Second, byte[] Line);
}
