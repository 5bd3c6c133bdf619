namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// How many objects a pool keeps for later: as many as were rented at once, since as many may be soon. After a peak it falls by half with each period that did without them,
/// to what the period needed, so that their memory is given back. What may be rented at once is bounded by the limits on connections, streams and buffers.
/// </summary>
internal struct SpareLimit
{
    private readonly int _least;
    private int _peak;
    private int _keep;

    /// <summary>Begins with nothing rented.</summary>
    /// <param name="least">What is kept in any case.</param>
    public SpareLimit(int least) => _least = _keep = least;

    /// <summary>Objects that holders own now.</summary>
    public int Rented { get; private set; }

    /// <summary>True where more is kept than in any case: it is to be looked at again after a period.</summary>
    public readonly bool IsRaised => _keep > _least;

    /// <summary>An object is rented. True where the limit has risen above what is kept in any case, which is to be looked at after a period.</summary>
    public bool Rent() => ++Rented > _peak && Raise();

    /// <summary>An object comes back. True where the pool keeps it.</summary>
    /// <param name="spare">Objects that it keeps already.</param>
    public bool Return(int spare)
    {
        Rented--;
        return spare < _keep;
    }

    /// <summary>A period is over: what was not needed in it need not be kept. Returns how many the pool may keep from here on.</summary>
    public int Fall()
    {
        _keep = Math.Max(_least, Math.Max(_peak, _keep / 2));
        _peak = Rented;
        return Math.Max(_least, _keep - Rented);
    }

    /// <summary>Nothing is kept beyond what is kept in any case.</summary>
    public void Reset()
    {
        _keep = _least;
        _peak = Rented;
    }

    private bool Raise()
    {
        _peak = Rented;
        if (_peak <= _keep)
        {
            return false;
        }

        var wasRaised = IsRaised;
        _keep = _peak;
        return !wasRaised;
    }
}
