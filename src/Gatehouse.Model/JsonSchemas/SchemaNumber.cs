using System.Text.Json;

namespace Gatehouse.Model;

/// <summary>A JSON number: exact as a decimal where that holds it, else as near as a double comes.</summary>
internal readonly struct SchemaNumber
{
    private readonly decimal _exact;
    private readonly double _near;
    private readonly bool _isExact;

    private SchemaNumber(decimal exact, double near, bool isExact) =>
        (_exact, _near, _isExact) = (exact, near, isExact);

    public bool IsPositive => _near > 0;

    /// <summary>True when it has no fraction. What is too large for a double to have one has none.</summary>
    public bool IsWhole => _isExact ? decimal.IsInteger(_exact) : !double.IsFinite(_near) || double.IsInteger(_near);

    public static SchemaNumber Of(JsonElement value)
    {
        var near = value.TryGetDouble(out var real) ? real : double.PositiveInfinity;
        var magnitude = Math.Abs(near);
        return (magnitude is > 1e-12 and < 7e27 || near == 0) && value.TryGetDecimal(out var exact)
            ? new(exact, near, true)
            : new(0, near, false);
    }

    public int CompareTo(SchemaNumber other) =>
        _isExact && other._isExact ? _exact.CompareTo(other._exact) : _near.CompareTo(other._near);

    public bool IsMultipleOf(SchemaNumber other) =>
        _isExact && other._isExact ? _exact % other._exact == 0
        : double.IsFinite(_near) ? _near % other._near == 0
        : IsWhole && other.IsWhole;
}
